/**
 * A checkpoint as one blob, little-endian:
 *
 *     0   8 bytes   magic "DSTLCKPT"
 *     8   uint32    version, 1
 *    12   uint32    bytes of the header
 *    16   uint64    bytes of the whole blob
 *    24   JSON      header, padded with spaces so that the body starts at a multiple of 64
 *         float32   body: each tensor at a multiple of 64, zeros between
 *   −32   32 bytes  SHA-256 of everything before
 *
 * Invariants: what decodes is exactly what was encoded. Any other bytes are a CheckpointError, never another throw and never
 * a wrong tensor. All randomness of training is a pure function of (seed, step), so these two are its state.
 */
import { createHash } from 'node:crypto';

import { weightsDigestParts } from '@distillery/protocol';
import { z } from 'zod';

import type { NamedTensor, TrainerState } from '../models/training.js';
import { CheckpointError } from './errors.js';

export interface Checkpoint {
  readonly jobUid: string;
  /** Fencing number of the student that wrote this checkpoint. */
  readonly attempt: number;
  /** Next step to train. */
  readonly step: number;
  readonly seed: number;
  /** First sequence of the LOGITS stream that a student which resumes here needs. */
  readonly firstNeededSequence: number;
  readonly optimizer: string;
  /** Metrics so far: any JSON value of at most `maxMetricsBytes`; the reader parses it. */
  readonly metrics: unknown;
  readonly state: TrainerState;
}

const magic = new TextEncoder().encode('DSTLCKPT');
const version = 1;
const prefixBytes = 24;
const alignment = 64;
const digestBytes = 32;
export const maxMetricsBytes = 1 << 20;
const maxHeaderBytes = 1 << 24;

const whole = z.number().int().min(0);
const tensorSchema = z.strictObject({ name: z.string(), shape: z.array(whole).max(16), offset: whole });
const headerSchema = z.strictObject({
  jobUid: z.string(),
  attempt: whole,
  step: whole,
  seed: whole,
  firstNeededSequence: whole,
  optimizer: z.string(),
  metrics: z.unknown(),
  weights: z.array(tensorSchema),
  slots: z.array(tensorSchema),
});
type Header = z.infer<typeof headerSchema>;
type TensorEntry = z.infer<typeof tensorSchema>;

/**
 * Returns the bytes of a checkpoint.
 * @throws CheckpointError malformed when the metrics are too long, the shape of a tensor does not fit its length, or two
 *   tensors have the same name
 */
export function encodeCheckpoint({ state, ...facts }: Checkpoint): Uint8Array {
  checkMetrics(facts.metrics);
  let bodyBytes = 0;
  const entry = ({ name, shape, data }: NamedTensor): TensorEntry => {
    if (valuesIn(shape) !== data.length) {
      throw new CheckpointError('malformed', {
        problem: `the trainer's state is wrong: tensor ${name}: found ${String(data.length)} values, expected ${shape.join(' × ')}`,
        remedy: '',
      });
    }
    const offset = bodyBytes;
    bodyBytes = aligned(bodyBytes + data.byteLength);
    return { name, shape: [...shape], offset };
  };
  const header: Header = {
    ...facts,
    metrics: facts.metrics ?? null,
    weights: state.weights.map(entry),
    slots: state.slots.map(entry),
  };
  checkNames(header);
  const json = new TextEncoder().encode(JSON.stringify(header));
  const bodyStart = aligned(prefixBytes + json.length);
  const total = bodyStart + bodyBytes + digestBytes;

  const blob = new Uint8Array(total);
  const view = new DataView(blob.buffer);
  blob.set(magic);
  view.setUint32(8, version, true);
  view.setUint32(12, bodyStart - prefixBytes, true);
  view.setBigUint64(16, BigInt(total), true);
  blob.set(json, prefixBytes);
  blob.fill(0x20, prefixBytes + json.length, bodyStart);
  const tensors = [...state.weights, ...state.slots];
  [...header.weights, ...header.slots].forEach(({ offset }, index) => {
    const data = tensors[index]?.data;
    if (data !== undefined) blob.set(bytesOf(data), bodyStart + offset);
  });
  blob.set(sha256(blob.subarray(0, total - digestBytes)), total - digestBytes);
  return blob;
}

/**
 * Returns the checkpoint in `bytes`. Its tensors are views into `bytes` where the alignment allows, else copies.
 * @throws CheckpointError
 */
export function decodeCheckpoint(bytes: Uint8Array, jobUid: string): Checkpoint {
  const bodyStart = checkedBodyStart(bytes);
  const { weights, slots, ...facts } = parseHeader(bytes.subarray(prefixBytes, bodyStart));
  if (facts.jobUid !== jobUid) {
    throw new CheckpointError('otherJob', {
      found: `one of job ${facts.jobUid}`,
      expected: `job ${jobUid}`,
      remedy: 'give each job its own folder or bucket',
    });
  }
  const body = bytes.subarray(bodyStart, bytes.length - digestBytes);
  let end = 0;
  const tensorAt = ({ name, shape, offset }: TensorEntry): NamedTensor => {
    const length = 4 * valuesIn(shape);
    if (offset !== end || offset + length > body.length) {
      const found = `tensor ${name} at ${String(offset)}, ${String(length)} bytes long, in a body of ${String(body.length)}`;
      throw malformed(found, `one at ${String(end)} that fits`);
    }
    end = aligned(offset + length);
    return { name, shape, data: floatsOf(body.subarray(offset, offset + length)) };
  };
  const state = { weights: weights.map(tensorAt), slots: slots.map(tensorAt) };
  if (end !== body.length)
    throw malformed(`a body of ${String(body.length)} bytes`, `${String(end)}, as its tensors have`);
  return { ...facts, state };
}

/** Checks everything that needs no parsing, the digest last. @returns where the body starts */
function checkedBodyStart(bytes: Uint8Array): number {
  const start = bytes.subarray(0, magic.length);
  if (bytes.length === 0 || !start.every((byte, at) => byte === magic[at])) {
    throw new CheckpointError('foreign', {
      found: 'something else',
      expected: 'a file that starts with DSTLCKPT',
      remedy: '',
    });
  }
  if (bytes.length < prefixBytes + digestBytes) throw truncated(bytes.length, prefixBytes + digestBytes);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = view.getUint32(8, true);
  if (found !== version) {
    throw new CheckpointError('version', {
      found: `version ${String(found)}`,
      expected: String(version),
      remedy: 'resume with the release that wrote it',
    });
  }
  const total = view.getBigUint64(16, true);
  if (total > BigInt(bytes.length)) throw truncated(bytes.length, total);
  const content = bytes.subarray(0, bytes.length - digestBytes);
  const digest = bytes.subarray(bytes.length - digestBytes);
  if (total < BigInt(bytes.length) || Buffer.compare(sha256(content), digest) !== 0) {
    throw new CheckpointError('damaged', {
      found: 'content that its digest does not match',
      expected: 'what was written',
      remedy: '',
    });
  }
  const headerBytes = view.getUint32(12, true);
  const bodyStart = prefixBytes + headerBytes;
  if (headerBytes > maxHeaderBytes || bodyStart % alignment !== 0 || bodyStart > content.length) {
    throw malformed(`a header of ${String(headerBytes)} bytes`, 'one that ends at a multiple of 64 inside the blob');
  }
  return bodyStart;
}

function parseHeader(bytes: Uint8Array): Header {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw malformed('a header that is not JSON', 'an object', cause);
  }
  const parsed = headerSchema.safeParse(value);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw malformed(
      `header field ${issue?.path.join('.') ?? ''}: ${issue?.message ?? 'wrong'}`,
      'version 1 of the header',
    );
  }
  checkNames(parsed.data);
  return parsed.data;
}

function checkMetrics(metrics: unknown): void {
  const bytes = Buffer.byteLength(JSON.stringify(metrics ?? null));
  if (bytes <= maxMetricsBytes) return;
  throw new CheckpointError('malformed', {
    found: `${String(bytes)} bytes of metrics`,
    expected: `at most ${String(maxMetricsBytes)}`,
    remedy: 'keep fewer',
  });
}

function checkNames(header: Header): void {
  for (const group of [header.weights, header.slots]) {
    const names = new Set<string>();
    for (const { name } of group) {
      if (names.has(name)) throw malformed(`two tensors named ${name}`, 'each name once');
      names.add(name);
    }
  }
}

/** Returns the digest of the weights (packages/protocol/src/results.ts): SHA-256, hex. */
export function digestOf(weights: readonly NamedTensor[]): string {
  const hash = createHash('sha256');
  for (const part of weightsDigestParts(weights)) hash.update(part);
  return hash.digest('hex');
}

function malformed(found: string, expected: string, cause?: unknown): CheckpointError {
  const fault = { found, expected, remedy: 'remove it to use the one before' };
  return new CheckpointError('malformed', fault, cause === undefined ? undefined : { cause });
}

function truncated(found: number, expected: number | bigint): CheckpointError {
  return new CheckpointError('truncated', {
    found: `${String(found)} bytes`,
    expected: `at least ${String(expected)}`,
    remedy: '',
  });
}

function valuesIn(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

function aligned(bytes: number): number {
  return Math.ceil(bytes / alignment) * alignment;
}

function sha256(bytes: Uint8Array): Uint8Array {
  return createHash('sha256').update(bytes).digest();
}

function bytesOf(data: Float32Array): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Returns a view where the alignment allows, else a copy. */
function floatsOf(bytes: Uint8Array): Float32Array {
  const at = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Float32Array(at.buffer, at.byteOffset, at.byteLength / 4);
}
