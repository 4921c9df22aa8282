import { createHash } from 'node:crypto';

import { describe, expect, test } from '@jest/globals';

import {
  type Checkpoint,
  CheckpointError,
  type CheckpointFaultReason,
  decodeCheckpoint,
  digestOf,
  encodeCheckpoint,
  maxMetricsBytes,
} from '../../../workers/checkpoint/index.js';
import { small } from './checkpoints.js';

function faultOf(work: () => unknown): CheckpointError {
  try {
    work();
  } catch (error) {
    if (error instanceof CheckpointError) return error;
    throw error;
  }
  throw new Error('expected a CheckpointError, found none');
}

/** The blob with its header changed as a faulty writer would, and the digest made right again. */
function rewritten(change: (header: string) => string, bodyChange = 0): Uint8Array {
  const blob = encodeCheckpoint(small);
  const headerBytes = new DataView(blob.buffer).getUint32(12, true);
  const header = new TextDecoder().decode(blob.subarray(24, 24 + headerBytes)).trimEnd();
  const text = change(header);
  if (text === header && bodyChange === 0) throw new Error('the change changed nothing');
  const json = new TextEncoder().encode(text);
  const bodyStart = Math.ceil((24 + json.length) / 64) * 64;
  const body = blob.subarray(24 + headerBytes, blob.length - 32);
  const changed = new Uint8Array(bodyStart + body.length + bodyChange + 32).fill(0x20, 24, bodyStart);
  changed.set(blob.subarray(0, 24));
  changed.set(json, 24);
  changed.set(body.subarray(0, body.length + bodyChange), bodyStart);
  const view = new DataView(changed.buffer);
  view.setUint32(12, bodyStart - 24, true);
  return resealed(changed);
}

function resealed(blob: Uint8Array): Uint8Array {
  new DataView(blob.buffer).setBigUint64(16, BigInt(blob.length), true);
  blob.set(createHash('sha256').update(blob.subarray(0, -32)).digest(), blob.length - 32);
  return blob;
}

describe('a checkpoint', () => {
  test('decodes to what was encoded, to the last bit of every tensor', () => {
    const back = decodeCheckpoint(encodeCheckpoint(small), 'job-1');
    expect(back).toEqual(small);
    expect(Object.is(back.state.weights[0]!.data[3], -0)).toBe(true);
  });

  test('decodes at any offset of a larger buffer, without a copy where the offset is aligned', () => {
    const blob = encodeCheckpoint(small);
    for (const offset of [0, 1, 2, 3, 4, 64]) {
      const larger = new Uint8Array(blob.length + 100);
      larger.set(blob, offset);
      const back = decodeCheckpoint(larger.subarray(offset, offset + blob.length), 'job-1');
      expect(back).toEqual(small);
      expect(back.state.weights[0]!.data.buffer === larger.buffer).toBe(offset % 4 === 0);
    }
  });

  test('has the same bytes for the same content, so that two attempts can be compared', () => {
    expect(encodeCheckpoint(small)).toEqual(encodeCheckpoint(structuredClone(small)));
  });

  test('keeps values that are not numbers, bit for bit', () => {
    const data = new Float32Array(Uint32Array.of(0x7fc0_0001, 0xff80_0000, 1).buffer);
    const odd = { ...small, state: { weights: [{ name: 'odd', shape: [3], data }], slots: [] } };
    const back = decodeCheckpoint(encodeCheckpoint(odd), 'job-1').state.weights[0]!.data;
    expect([...new Uint32Array(back.slice().buffer)]).toEqual([0x7fc0_0001, 0xff80_0000, 1]);
  });

  test('of another job is refused; the message names both jobs', () => {
    const fault = faultOf(() => decodeCheckpoint(encodeCheckpoint(small), 'job-2'));
    expect(fault).toMatchObject({ reason: 'otherJob' });
    expect(fault.message).toBe(
      'checkpoint: found one of job job-1, expected job job-2. Give each job its own folder or bucket.',
    );
  });

  const blob = encodeCheckpoint(small);
  const withByte = (at: number, value: number): Uint8Array => blob.with(at, value);
  test.each<[string, Uint8Array, CheckpointFaultReason, string]>([
    ['no bytes', new Uint8Array(0), 'foreign', 'found something else'],
    ['another file', new TextEncoder().encode('PK\u0003\u0004 something quite different'), 'foreign', 'DSTLCKPT'],
    ['its first five bytes', blob.subarray(0, 5), 'truncated', 'found 5 bytes, expected at least 56'],
    [
      'all but its last byte',
      blob.subarray(0, -1),
      'truncated',
      `found ${blob.length - 1} bytes, expected at least ${blob.length}`,
    ],
    ['one byte more', Uint8Array.from([...blob, 0]), 'damaged', 'digest'],
    ['a version of the future', withByte(8, 2), 'version', 'found version 2, expected 1. Resume with the release'],
    ['a changed header', withByte(40, blob[40]! ^ 1), 'damaged', 'digest'],
    ['a changed weight', withByte(blob.length - 100, 1), 'damaged', 'digest'],
    ['a changed digest', withByte(blob.length - 1, blob.at(-1)! ^ 128), 'damaged', 'digest'],
    ['a header that is not JSON', rewritten((json) => json.slice(1)), 'malformed', 'not JSON'],
    ['a header without the step', rewritten((json) => json.replace('"step":400,', '')), 'malformed', 'field step'],
    ['a negative step', rewritten((json) => json.replace('400', '-4')), 'malformed', 'field step'],
    ['an unknown field', rewritten((json) => json.replace('{', '{"more":1,')), 'malformed', 'header field'],
    [
      'two tensors of one name',
      rewritten((json) => json.replace('"none"', '"count"')),
      'malformed',
      'two tensors named count',
    ],
    [
      'overlapping tensors',
      rewritten((json) => json.replace('"offset":64', '"offset":0')),
      'malformed',
      'dense/bias at 0',
    ],
    ['a tensor beyond the end', rewritten((json) => json.replace('[0,4]', '[64]')), 'malformed', 'none at'],
    ['a body cut short', rewritten((json) => json, -64), 'malformed', 'count at'],
    ['a body too long', rewritten((json) => json, 64), 'malformed', 'as its tensors have'],
  ])('is refused when it is %s', (_, bytes, kind, words) => {
    const fault = faultOf(() => decodeCheckpoint(bytes, 'job-1'));
    expect(fault.reason).toBe(kind);
    expect(fault.message).toContain(words);
  });

  test('whose header claims to be longer than the blob is refused', () => {
    const changed = blob.slice();
    new DataView(changed.buffer).setUint32(12, 40 + 64 * 1_000, true);
    expect(faultOf(() => decodeCheckpoint(resealed(changed), 'job-1')).reason).toBe('malformed');
  });

  test.each<[string, Partial<Checkpoint>, string]>([
    ['metrics beyond their bound', { metrics: 'x'.repeat(maxMetricsBytes) }, 'bytes of metrics'],
    [
      'a tensor that is not of its shape',
      { state: { weights: [{ name: 'w', shape: [2, 2], data: new Float32Array(3) }], slots: [] } },
      'tensor w: found 3 values, expected 2 × 2',
    ],
    [
      'two tensors of one name',
      {
        state: {
          weights: [],
          slots: Array.from({ length: 2 }, () => ({ name: 's', shape: [1], data: new Float32Array(1) })),
        },
      },
      'two tensors named s',
    ],
  ])('is not written with %s', (_, change, words) => {
    const fault = faultOf(() => encodeCheckpoint({ ...small, ...change }));
    expect(fault.reason).toBe('malformed');
    expect(fault.message).toContain(words);
  });
});

describe('the digest of the weights', () => {
  const { weights } = small.state;

  test('does not depend on the order of the tensors', () => {
    expect(digestOf([...weights].reverse())).toBe(digestOf(weights));
    expect(digestOf(weights)).toMatch(/^[0-9a-f]{64}$/);
  });

  test('changes with any bit, shape, name or number of tensors', () => {
    const [first, second] = [weights[0]!, weights[1]!];
    const variants = [
      weights,
      [first],
      [{ ...first, data: first.data.with(3, 0) }, second],
      [{ ...first, shape: [3, 2] }, second],
      [{ ...first, shape: [6] }, second],
      [{ ...first, name: 'dense/kernel2' }, second],
      [
        { ...first, data: second.data, shape: second.shape },
        { ...second, data: first.data, shape: first.shape },
      ],
    ];
    expect(new Set(variants.map(digestOf)).size).toBe(variants.length);
  });

  test('is a fixed function: this value must never change', () => {
    // sha256 of '["w",[2]]' and the eight bytes of 1 and 2 as float32, little-endian.
    const expected = createHash('sha256')
      .update('["w",[2]]')
      .update(Buffer.from('0000803f00000040', 'hex'))
      .digest('hex');
    expect(digestOf([{ name: 'w', shape: [2], data: Float32Array.of(1, 2) }])).toBe(expected);
  });
});
