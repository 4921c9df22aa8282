/**
 * The 64-byte header of a logits frame (docs/protocol.md "Logits frame"): its layout, and the checks that need no body.
 *
 * Every field is little-endian. The header has its own checksum, so its fields can be trusted before the body is read. The
 * sizes that a header implies are bounded before memory is allocated by them.
 */
import { crc32c } from '@node-rs/crc32';

import { FrameError, malformed } from './frame-error.js';
import { bodyBytesOf, codeOf, layoutOfCode } from './frame-layouts.js';
import type { FrameHeader } from './frame-layouts.js';
import { maxFrameBytes, maxFrameValues, maxTemperature, protocolVersion } from './limits.js';

export const headerBytes = 64;

/** "DSLF", the first four bytes. */
const magic = [0x44, 0x53, 0x4c, 0x46] as const;

const digestPattern = /^[0-9a-f]{16}$/;

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
  view.setUint8(5, codeOf(header));
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
 * The header of a frame, checked; the body is not read. Enough to compare a stored frame with one's own.
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
      expected: String(protocolVersion),
      remedy: 'run teachers and student of one release',
    });
  }
  checkSum('header', crc32c(frame.subarray(0, 60)), view.getUint32(60, true));
  const { layout, encoding } = layoutOfCode(view.getUint8(5));
  zero('flags', view.getUint16(6, true));
  zero('reserved', view.getUint32(56, true));
  const step = view.getBigUint64(8, true);
  if (step > BigInt(Number.MAX_SAFE_INTEGER)) throw malformed('step', step.toString(), 'at most 2^53 - 1');
  const header: FrameHeader = {
    encoding,
    topK: view.getUint32(28, true),
    step: Number(step),
    shard: view.getUint32(16, true),
    rows: view.getUint32(20, true),
    columns: view.getUint32(24, true),
    teacherDigest: hex(frame.subarray(32, 40)),
    augmentSeed: view.getUint32(40, true),
    temperature: view.getFloat32(44, true),
  };
  if ((layout === 'dense') !== (header.topK === 0)) {
    throw malformed('topK', header.topK, layout === 'dense' ? '0 in a dense frame' : 'at least 1 in a top-k frame');
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

function hexWord(value: number): string {
  return value.toString(16).padStart(8, '0');
}

function hex(bytes: Uint8Array | readonly number[]): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
