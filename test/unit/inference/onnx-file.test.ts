import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { externalRanges, OnnxFileError } from '../../../workers/models/inference/onnx-file.js';

const fixture = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'fixtures', `${name}.onnx`));

/** A field of protobuf that holds a message or a text. */
const field = (number: number, ...content: (Buffer | string)[]): Buffer => {
  const body = Buffer.concat(content.map((part) => Buffer.from(part)));
  return Buffer.concat([varint(number * 8 + 2), varint(body.length), body]);
};
const number = (at: number, value: number | bigint): Buffer => Buffer.concat([varint(at * 8), varint(value)]);
function varint(value: number | bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest >= 128n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

/** A TensorProto whose data lie in another file. */
const external = (entries: Readonly<Record<string, string>>, location: number | bigint = 1): Buffer =>
  Buffer.concat([
    field(8, 'W'),
    ...Object.entries(entries).map(([key, value]) => field(13, field(1, key), field(2, value))),
    number(14, location),
  ]);
const graph = (...content: Buffer[]): Buffer => field(7, ...content);
const weight = (tensor: Buffer): Buffer => graph(field(5, tensor));

describe('the files that an ONNX model needs', () => {
  test.each(['nchw', 'any-size', 'two-outputs', 'endless'])('are none for %s, which has all its weights', (name) => {
    expect(externalRanges(fixture(name))).toEqual([]);
  });

  test('are those of its external data, with the range of each weight', () => {
    expect(externalRanges(fixture('external'))).toEqual([
      { weight: 'W', location: 'external.bin', offset: 16, length: 288 },
    ]);
  });

  test('begin at 0 and end with the weight where the model says nothing else', () => {
    expect(externalRanges(weight(external({ location: 'w' })))).toEqual([
      { weight: 'W', location: 'w', offset: 0, length: null },
    ]);
  });

  test.each([
    // Readers keep the lowest 32 bits of the number.
    ['with more bits than the number has', external({ location: 'w' }, 2n ** 32n + 1n)],
    ['with the sign bit', external({ location: 'w' }, 2n ** 64n - 1n)],
  ])('are seen when the place is written %s', (_, tensor) => {
    expect(externalRanges(weight(tensor))).toHaveLength(1);
  });

  test('are not asked for by a weight that is inside after all', () => {
    expect(externalRanges(weight(external({ location: '/etc/passwd' }, 0)))).toEqual([]);
  });

  const tensor = external({ location: 'w' });
  test.each([
    ['a constant of a node', graph(field(1, field(5, field(5, tensor))))],
    ['a list of constants', graph(field(1, field(5, field(10, tensor))))],
    ['a sparse weight', graph(field(15, field(1, tensor)))],
    ['the indices of a sparse weight', graph(field(15, field(2, tensor)))],
    ['a sparse constant', graph(field(1, field(5, field(22, field(1, tensor)))))],
    ['a list of sparse constants', graph(field(1, field(5, field(23, field(2, tensor)))))],
    ['a weight of a subgraph', graph(field(1, field(5, field(6, field(5, tensor)))))],
    ['a weight of one of several subgraphs', graph(field(1, field(5, field(11, field(5, tensor)))))],
    ['a constant of a function', Buffer.concat([graph(), field(25, field(7, field(5, field(5, tensor))))])],
    ['a default of a function', Buffer.concat([graph(), field(25, field(11, field(5, tensor)))])],
    ['a weight of training', Buffer.concat([graph(), field(20, field(1, field(5, tensor)))])],
    [
      'a constant in two halves, which readers put together',
      graph(field(1, field(5, field(5, field(13, field(1, 'location'), field(2, 'w'))), field(5, number(14, 1))))),
    ],
  ])('are refused for %s', (_, model) => {
    expect(() => externalRanges(model)).toThrow(
      /found a tensor ".*" inside a node or a subgraph whose data lie in another/,
    );
  });

  test.each<[string, Uint8Array, string]>([
    ['no location', weight(external({ offset: '0' })), 'in another file that it does not name'],
    ['an offset below 0', weight(external({ location: 'w', offset: '-1' })), 'that is not a whole number'],
    [
      'a length beyond any file',
      weight(external({ location: 'w', length: '9'.repeat(17) })),
      'that is not a whole number',
    ],
    ['an empty file', new Uint8Array(0), 'an empty file'],
    ['a text', Buffer.from('version https://git-lfs.github.com/spec/v1\n'), 'a file that'],
    ['no graph', field(2, 'pytorch'), 'a file without a graph'],
    ['the ORT format', Buffer.concat([Buffer.alloc(4), Buffer.from('ORTM'), Buffer.alloc(40)]), 'the ORT format'],
  ])('are refused with %s', (_, model, message) => {
    expect(() => externalRanges(model)).toThrow(OnnxFileError);
    expect(() => externalRanges(model)).toThrow(message);
  });

  test('are refused when a weight names two', () => {
    const twice = Buffer.concat([tensor, field(13, field(1, 'location'), field(2, '/etc/passwd'))]);
    expect(() => externalRanges(weight(twice))).toThrow('a weight that names two values of "location"');
  });

  test('are looked for no deeper than protobuf reads', () => {
    let nested: Buffer = field(5, tensor);
    for (let level = 0; level < 200; level++) nested = field(1, field(5, field(6, nested)));
    expect(() => externalRanges(graph(nested))).toThrow('nested more than 100 levels deep');
  });

  test('end in an answer or a refusal for any bytes, and for every cut of a model', () => {
    const whole = fixture('external');
    const anyBytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.nat(whole.length).map((length) => whole.subarray(0, length)),
      fc
        .tuple(fc.nat(whole.length - 1), fc.nat(255))
        .map(([at, value]) => Uint8Array.from(whole).fill(value, at, at + 1)),
    );
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        try {
          externalRanges(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(OnnxFileError);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
