/** What is read of a SavedModel before TensorFlow sees it, where TensorFlow is not built, too. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { describe, expect, it, test } from '@jest/globals';

import { openRuntime, RuntimeError } from '../../../workers/runtimes/index.js';
import { loadAddon } from '../../../workers/runtimes/native/addon.js';
import { opDefinitions } from '../../../workers/runtimes/native/op-list.js';
import { SavedModelError } from '../../../workers/runtimes/native/saved-model/errors.js';
import { readMetaGraph } from '../../../workers/runtimes/native/saved-model/meta-graph.js';
import { reachOf, readSavedModel } from '../../../workers/runtimes/native/saved-model/model.js';
import { numbersIn } from '../../../workers/runtimes/native/saved-model/numbers.js';
import { savedModelOperators } from '../../../workers/runtimes/native/saved-model/operators.js';
import { checkedReach } from '../../../workers/runtimes/native/saved-model/reach.js';
import { storedNames } from '../../../workers/runtimes/native/saved-model/stored-names.js';
import { builtNative } from '../../kit/native.js';

const file = readFileSync(join(import.meta.dirname, '../inference/fixtures/saved-model/saved_model.pb'));

type Field = readonly [number, string | Uint8Array];
/** A protobuf message of texts and messages. */
function message(...fields: Field[]): Uint8Array {
  const parts = fields.map(([number, value]) => {
    const bytes = Buffer.from(value as Uint8Array);
    // Lengths of two digits to the base of 128 do for all of them.
    return Buffer.concat([Buffer.of(8 * number + 2, 128 + (bytes.length % 128), bytes.length >> 7), bytes]);
  });
  return Buffer.concat(parts);
}
/** A node that runs a function of the file, where one is named. */
function node(name: string, op: string, inputs: readonly string[] = [], called?: string): Uint8Array {
  const call: Field[] = called === undefined ? [] : [[5, message([1, 'f'], [2, message([10, message([1, called])])])]];
  return message([1, name], [2, op], ...inputs.map((input): Field => [3, input]), ...call);
}
const functionOf = (name: string, ...nodes: Uint8Array[]): Uint8Array =>
  message([1, message([1, name], [3, message([1, 'y'])])], ...nodes.map((each): Field => [3, each]), [
    4,
    message([1, 'y'], [2, 'end:output:0']),
  ]);
function savedModel(nodes: readonly Uint8Array[], functions: readonly Uint8Array[] = []): Uint8Array {
  const library = message(...functions.map((each): Field => [1, each]));
  const graph = message(...nodes.map((each): Field => [1, each]), [2, library]);
  return message([2, message([1, message([4, 'serve'])], [2, graph])]);
}
const reached = (nodes: readonly Uint8Array[], functions: readonly Uint8Array[] = []) =>
  checkedReach(readMetaGraph(savedModel(nodes, functions)), ['end:0'], new Set(['x']));

describe('the graph of a SavedModel', () => {
  it('takes what an output needs, and leaves out the rest, also what would be refused', () => {
    const nodes = [node('x', 'Placeholder'), node('end', 'Relu', ['x']), node('stray', 'WriteFile', ['x'])];
    expect(reached(nodes).nodes.map(({ name }) => name)).toEqual(['x', 'end']);
  });

  it.each([
    ['an operator that opens files', [node('end', 'ReadFile')], [], 'the operator ReadFile'],
    [
      'one inside a function of a function',
      [node('end', 'PartitionedCall', [], 'outer')],
      [functionOf('outer', node('end', 'While', [], 'inner')), functionOf('inner', node('end', 'EagerPyFunc'))],
      'the operator EagerPyFunc',
    ],
    [
      'a node that only is waited for',
      [node('w', 'WriteFile'), node('x', 'Placeholder'), node('end', 'Relu', ['x', '^w'])],
      [],
      'the operator WriteFile',
    ],
    [
      'a function that calls itself',
      [node('end', 'PartitionedCall', [], 'round')],
      [functionOf('round', node('end', 'PartitionedCall', [], 'round'))],
      'a function round that calls itself',
    ],
    ['a function that is missing', [node('end', 'PartitionedCall', [], 'gone')], [], 'a call of gone, which is not in'],
    ['an input that is missing', [node('end', 'Relu', ['gone'])], [], 'an operator whose input gone is none'],
    ['an input that nothing feeds', [node('end', 'Relu', ['y']), node('y', 'Placeholder')], [], 'an input y that'],
    ['two nodes of one name', [node('end', 'Relu', ['x']), node('end', 'ReadFile')], [], 'two nodes of the same name'],
    ['a name with control characters', [node('end', 'Read\u001b[31m')], [], 'the operator Read [31m'],
  ])('is refused for %s', (_, nodes, functions, want) => {
    expect(() => reached(nodes, functions)).toThrow(SavedModelError);
    expect(() => reached(nodes, functions)).toThrow(want);
  });

  it('says which graphs there are when none answers', () => {
    const bytes = message([2, message([1, message([4, 'train'])])]);
    expect(() => readMetaGraph(bytes)).toThrow('found graphs for train, expected a graph with the tag serve');
  });

  it('is read or refused, whatever the bytes are', () => {
    const read = (bytes: Uint8Array): void => {
      const model = readSavedModel(bytes, 'both');
      for (const output of model.outputs) reachOf(model, output);
    };
    let refused = 0;
    for (let at = 0; at < file.length; at += 211) {
      for (const bytes of [file.subarray(0, at), Buffer.from(file)]) {
        if (bytes.length === file.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
        try {
          read(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(SavedModelError);
          refused++;
        }
      }
    }
    expect(refused).toBeGreaterThan(file.length / 211);
  });

  it('names the values of its variables, which a function restores', () => {
    expect(Object.fromEntries(storedNames(readMetaGraph(file)))).toEqual({
      kernel: 'kernel/.ATTRIBUTES/VARIABLE_VALUE',
      bias: 'bias/.ATTRIBUTES/VARIABLE_VALUE',
      table: 'table/.ATTRIBUTES/VARIABLE_VALUE',
      digits: 'digits_kernel/.ATTRIBUTES/VARIABLE_VALUE',
    });
  });
});

test('halves and the upper halves of floats are numbers', () => {
  expect([...numbersIn(19, Uint16Array.of(0x3c00, 0xc000).buffer)]).toEqual([1, -2]);
  expect([...numbersIn(14, Uint16Array.of(0x3f80, 0xc000).buffer)]).toEqual([1, -2]);
  expect(() => numbersIn(9, new ArrayBuffer(8))).toThrow('type 9');
});

const built = builtNative();
(built === null ? test.skip : test)('every operator on the list is one of TensorFlow', () => {
  const known = opDefinitions(new Uint8Array(loadAddon(built ?? '').opList()));
  expect([...savedModelOperators].filter((name) => !known.has(name))).toEqual([]);
});

test('without a build of TensorFlow, the sentence says what to do on a laptop and in a cluster', async () => {
  const opening = openRuntime('auto', 'saved-model');
  await expect(opening).rejects.toThrow(RuntimeError);
  await expect(opening).rejects.toThrow(
    'runtime native: TensorFlow is not built here. Build it with `npm run native`, in a cluster use the image worker-native, or convert the model to ONNX with tf2onnx',
  );
  await expect(openRuntime('wasm', 'saved-model')).rejects.toThrow('runtime wasm: it computes no SavedModel');
});
