/**
 * The 64-byte header of a logits frame (docs/protocol.md "Logits frame"): its layout, and the checks that need no body.
 *
 * Invariants: every field is little-endian; the header has its own checksum, so a field is believed before the body is
 * looked at; the sizes that a header implies are bounded before anyone allocates by them.
 */
import { crc32c } from '@node-rs/crc32';

import { FrameError } from './frame-error.js';
import { maxFrameBytes, maxFrameValues, maxTemperature, protocolVersion } from './limits.js';

export const headerBytes = 64;

/** "DSLF", the first four bytes. */
const magic = [0x44, 0x53, 0x4c, 0x46] as const;

/** Codes of the encoding byte; dense and top-k come in both widths. */
const encodingCodes = { dense: { Float32: 0, Float16: 1 }, topK: { Float32: 2, Float16: 3 } } as const;
/** Importance-sampled logits (RS-KD): the code is taken, the body is not defined yet. */
const sampledCode = 4;

export type ValueEncoding = 'Float32' | 'Float16';

export interface FrameHeader {
  /** Type of each logit in the body. */
  readonly encoding: ValueEncoding;
  /** Logits kept per row; 0 = dense, all of them. */
  readonly topK: number;
  readonly step: number;
  readonly shard: number;
  readonly rows: number;
  readonly columns: number;
  /** First 8 bytes of the SHA-256 of the teacher's model files, 16 lower-case hex digits. */
  readonly teacherDigest: string;
  /** Seed of the augmentation that the teacher saw. */
  readonly augmentSeed: number;
  /** Temperature at which the remaining mass was taken; 0 when dense. A float32. */
  readonly temperature: number;
}

const digestPattern = /^[0-9a-f]{16}$/;

/** Bytes of the body that a header implies. */
export function bodyBytesOf({ encoding, topK, rows, columns }: FrameHeader): number {
  const valueBytes = encoding === 'Float32' ? 4 : 2;
  return topK === 0 ? rows * columns * valueBytes : rows * (topK * (4 + valueBytes) + 4);
}

/** @throws FrameError (malformed) when a field is out of its range; the sentence names it. */
export function checkHeader(header: FrameHeader): void {
  const whole = (field: string, value: number, least: number, most: number): void => {
    if (Number.isInteger(value) && value >= least && value <= most) return;
    throw malformed(field, value, `a whole number from ${String(least)} to ${String(most)}`);
  };
  whole('step', header.step, 0, Number.MAX_SAFE_INTEGER);
  whole('shard', header.shard, 0, 0xffff_ffff);
  whole('rows', header.rows, 1, maxFrameValues);
  whole('columns', header.columns, 1, Math.floor(maxFrameValues / header.rows));
  whole('topK', header.topK, 0, header.columns);
  whole('augmentSeed', header.augmentSeed, 0, 0xffff_ffff);
  if (!digestPattern.test(header.teacherDigest)) {
    throw malformed('teacherDigest', JSON.stringify(header.teacherDigest), '16 lower-case hex digits');
  }
  if (header.topK === 0 && header.temperature !== 0) {
    throw malformed('temperature', header.temperature, '0 in a dense frame');
  }
  if (header.topK > 0 && !(header.temperature > 0 && header.temperature <= maxTemperature)) {
    throw malformed('temperature', header.temperature, `more than 0 and at most ${String(maxTemperature)}`);
  }
  const frameBytes = headerBytes + bodyBytesOf(header);
  if (frameBytes > maxFrameBytes) {
    throw malformed('size', `${String(frameBytes)} bytes`, `at most ${String(maxFrameBytes)}: cut into more shards`);
  }
}

/** Writes the header of a frame whose body already lies behind it. The header must have passed `checkHeader`. */
export function writeHeader(frame: Uint8Array, header: FrameHeader): void {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  frame.set(magic, 0);
  view.setUint8(4, protocolVersion);
  view.setUint8(5, encodingCodes[header.topK === 0 ? 'dense' : 'topK'][header.encoding]);
  view.setBigUint64(8, BigInt(header.step), true);
  view.setUint32(16, header.shard, true);
  view.setUint32(20, header.rows, true);
  view.setUint32(24, header.columns, true);
  view.setUint32(28, header.topK, true);
  for (let at = 0; at < 8; at++) view.setUint8(32 + at, parseInt(header.teacherDigest.slice(2 * at, 2 * at + 2), 16));
  view.setUint32(40, header.augmentSeed, true);
  view.setFloat32(44, header.temperature, true);
  view.setUint32(48, frame.byteLength - headerBytes, true);
  view.setUint32(52, crc32c(frame.subarray(headerBytes)), true);
  view.setUint32(60, crc32c(frame.subarray(0, 60)), true);
}

/**
 * The header of a frame, checked, without a look at the body: enough to compare a stored frame with one's own.
 * @throws FrameError
 */
export function readHeader(frame: Uint8Array): FrameHeader {
  // Before the length: a short message of someone else is foreign, not truncated.
  for (const [at, expected] of magic.entries()) {
    if (at < frame.length && frame[at] !== expected) {
      throw new FrameError('foreign', {
        found: `first bytes ${hex(frame.subarray(0, 4))}`,
        expected: `${hex(magic)} ("DSLF")`,
        remedy: '',
      });
    }
  }
  if (frame.length < headerBytes) {
    throw new FrameError('truncated', {
      found: `${String(frame.length)} bytes`,
      expected: `a header of ${String(headerBytes)}`,
      remedy: '',
    });
  }
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  const version = view.getUint8(4);
  if (version !== protocolVersion) {
    throw new FrameError('version', {
      found: `protocol version ${String(version)}`,
      expected: `${String(protocolVersion)}: run teachers and student of one release`,
      remedy: '',
    });
  }
  checkSum('header', crc32c(frame.subarray(0, 60)), view.getUint32(60, true));
  const code = view.getUint8(5);
  if (code === sampledCode) {
    throw new FrameError('unsupported', {
      problem: 'sampled logits (encoding 4) are not supported yet: use Float32 or Float16',
      remedy: '',
    });
  }
  if (code > sampledCode) throw malformed('encoding', code, 'a code from 0 to 4');
  zero('flags', view.getUint16(6, true));
  zero('reserved', view.getUint32(56, true));
  const step = view.getBigUint64(8, true);
  if (step > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('step', step.toString(), 'at most 2^53 - 1');
  const header: FrameHeader = {
    encoding: code === encodingCodes.dense.Float32 || code === encodingCodes.topK.Float32 ? 'Float32' : 'Float16',
    topK: view.getUint32(28, true),
    step: Number(step),
    shard: view.getUint32(16, true),
    rows: view.getUint32(20, true),
    columns: view.getUint32(24, true),
    teacherDigest: hex(frame.subarray(32, 40)),
    augmentSeed: view.getUint32(40, true),
    temperature: view.getFloat32(44, true),
  };
  const dense = code === encodingCodes.dense.Float32 || code === encodingCodes.dense.Float16;
  if (dense !== (header.topK === 0)) {
    throw malformed('topK', header.topK, dense ? '0 in a dense frame' : 'at least 1 in a top-k frame');
  }
  checkHeader(header);
  const bodyBytes = view.getUint32(48, true);
  if (bodyBytes !== bodyBytesOf(header)) {
    throw malformed('body bytes', bodyBytes, `${String(bodyBytesOf(header))} for its rows, columns and k`);
  }
  return header;
}

/** @throws FrameError unless the bytes behind the header are exactly the body that it promises, unharmed. */
export function checkBody(frame: Uint8Array, header: FrameHeader): void {
  const expected = headerBytes + bodyBytesOf(header);
  if (frame.length < expected) {
    throw new FrameError('truncated', {
      found: `${String(frame.length)} bytes`,
      expected: String(expected),
      remedy: '',
    });
  }
  if (frame.length > expected) throw malformed('length', `${String(frame.length)} bytes`, String(expected));
  const stored = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(52, true);
  checkSum('body', crc32c(frame.subarray(headerBytes)), stored);
}

function checkSum(part: string, computed: number, stored: number): void {
  if (computed === stored) return;
  throw new FrameError('damaged', {
    problem: `the ${part}'s CRC-32C is ${hexWord(computed)}, expected ${hexWord(stored)}: the step must be fed again`,
    remedy: '',
  });
}

function zero(field: string, value: number): void {
  if (value !== 0) throw malformed(field, value, '0');
}

export function malformed(field: string, found: number | string, expected: string): FrameError {
  return new FrameError('malformed', { problem: `${field}: found ${String(found)}, expected ${expected}`, remedy: '' });
}

function hexWord(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function hex(bytes: Uint8Array | readonly number[]): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
