/**
 * The work item: "compute logits for these samples of step k". It names samples, never carries them. JSON, so that a
 * worker in any language reads it; parsed and bounded before use because it came over the network.
 */
import { DistilleryError, type FaultOf } from '@distillery/base';
import { z } from 'zod';

import { protocolVersion } from './limits.js';
import { fieldOf, problemIn, requiresField, withRequires } from './messages.js';

const index = z.number().int().min(0).max(0xffff_ffff);

/**
 * The item's JSON. A message that only reports an item embeds it; a reader that acts on it uses `decodeWorkItem`, which
 * also checks what the item requires.
 */
export const workItemSchema = z.object({
  version: z.literal(protocolVersion),
  /** Features that a teacher must have; no more than the job's manifest requires, and `held-out` where `split` is set. */
  requires: requiresField,
  step: z.number().int().min(0),
  shard: z.number().int().min(0),
  /** Position of the first row in its batch; augmentation draws depend on it. */
  firstRow: index,
  /** Where the samples are from; absent = the training split. Samples of `test` are never augmented. */
  split: z.literal('test').optional(),
  /** Sample indices into the split, in batch order. */
  indices: z
    .array(index)
    .min(1)
    .max(1 << 20),
  /** Unsigned 32-bit seed of this step's augmentation. */
  augmentSeed: index,
});
export type WorkItem = Readonly<z.infer<typeof workItemSchema>>;

const remedy = 'use teachers and a student of one release';

/** A message on a WORK subject that is no work item. */
export class WorkItemError extends DistilleryError {
  override readonly name = 'WorkItemError';
  readonly kind = 'WorkItem';
  readonly retry = 'Never';

  constructor(
    /** Path of the first wrong field, `(root)` when the payload is no JSON object. */
    readonly field: string,
    fault: FaultOf,
    options?: ErrorOptions,
  ) {
    super({ ...fault, about: 'work item' }, options);
  }
}

const readableItem = withRequires(workItemSchema);

export function encodeWorkItem(item: Omit<WorkItem, 'version'>): Uint8Array {
  return new TextEncoder().encode(JSON.stringify({ version: protocolVersion, ...item }));
}

/** @throws WorkItemError naming the first field that is wrong. */
export function decodeWorkItem(payload: Uint8Array): WorkItem {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(payload));
  } catch (error) {
    throw new WorkItemError(
      '(root)',
      { found: `${String(payload.length)} bytes that are no JSON`, expected: 'an object', remedy },
      {
        cause: error,
      },
    );
  }
  const parsed = readableItem.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new WorkItemError(fieldOf(parsed.error), { problem: problemIn(parsed.error), remedy });
}
