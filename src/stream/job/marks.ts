/**
 * The mark of a stream: its owner, in the stream's metadata, which the server keeps (NATS 2.10 and later). Pure.
 *
 * Invariant: a mark without one of its four parts is no mark.
 */

import type { StreamOwner } from '../../domain/index.js';

const keys = {
  operator: 'distillery.dev/operator',
  namespace: 'distillery.dev/job-namespace',
  name: 'distillery.dev/job-name',
  uid: 'distillery.dev/job-uid',
} as const satisfies Record<keyof StreamOwner, string>;

/** A person sets it to `true` on a stream to keep all streams of that job. */
const keepKey = 'distillery.dev/keep';

export type StreamMetadata = Readonly<Record<string, string>>;

export function metadataOf(owner: StreamOwner): Record<string, string> {
  return {
    [keys.operator]: owner.operator,
    [keys.namespace]: owner.namespace,
    [keys.name]: owner.name,
    [keys.uid]: owner.uid,
  };
}

/** @returns null when the stream carries no mark */
export function ownerIn(metadata: StreamMetadata | undefined): StreamOwner | null {
  const { [keys.operator]: operator, [keys.namespace]: namespace, [keys.name]: name, [keys.uid]: uid } = metadata ?? {};
  if (operator === undefined || namespace === undefined || name === undefined || uid === undefined) return null;
  return { operator, namespace, name, uid };
}

export function isKept(metadata: StreamMetadata | undefined): boolean {
  return metadata?.[keepKey] === 'true';
}
