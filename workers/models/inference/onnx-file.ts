/**
 * Finds the other files that an ONNX file needs: walks the protobuf of onnx.proto3 and visits every tensor, wherever the
 * format allows one. Pure.
 *
 * Invariants:
 *  onnx-file/O1 Every tensor of the file is seen. One whose data lie in another file is either a weight of the main
 *     graph, which onnxruntime takes from memory, or it is refused: for any other place onnxruntime itself would open
 *     the file.
 *  onnx-file/O2 Work and depth are bounded by the length of the file and by protobuf's own limit of nesting.
 */
import { type Field, fieldsOf, malformed, OnnxFileError, textOf, wireTypes } from './protobuf.js';

export { OnnxFileError } from './protobuf.js';

/** A range of another file that holds the data of a weight. */
export interface ExternalRange {
  /** Name of the weight. */
  readonly weight: string;
  /** The file, relative to the model's folder. */
  readonly location: string;
  readonly offset: number;
  /** null = up to the end of what the weight's shape needs. */
  readonly length: number | null;
}

/** As in protobuf: deeper messages are refused by every reader. */
const maxDepth = 100;
/** More than any real model has; each costs a line of work when the session is made. */
const maxRanges = 1_000_000;

/** Messages that lead to tensors. A `weight` is a tensor among the initializers of a graph. */
type Message = 'model' | 'graph' | 'node' | 'attribute' | 'sparse' | 'training' | 'function';
type Tensor = 'tensor' | 'weight';

/** Numbers of the fields in onnx.proto3 that lead to tensors, by message. */
const inner: Readonly<Record<Message, ReadonlyMap<number, Message | Tensor>>> = {
  model: new Map([
    [7, 'graph'],
    [20, 'training'],
    [25, 'function'],
  ]),
  graph: new Map([
    [1, 'node'],
    [5, 'weight'],
    [15, 'sparse'],
  ]),
  node: new Map([[5, 'attribute']]),
  attribute: new Map([
    [5, 'tensor'],
    [6, 'graph'],
    [10, 'tensor'],
    [11, 'graph'],
    [22, 'sparse'],
    [23, 'sparse'],
  ]),
  sparse: new Map([
    [1, 'tensor'],
    [2, 'tensor'],
  ]),
  training: new Map([
    [1, 'graph'],
    [2, 'graph'],
  ]),
  function: new Map([
    [7, 'node'],
    [11, 'attribute'],
  ]),
};
const tensorFields = { name: 8, externalData: 13, dataLocation: 14 } as const;

/**
 * The ranges of other files that hold weights, in the order of the file; empty for a model in one file.
 * @throws OnnxFileError
 */
export function externalRanges(bytes: Uint8Array): readonly ExternalRange[] {
  if (bytes.length === 0) throw new OnnxFileError('an empty file');
  if (isOrtFormat(bytes)) throw new OnnxFileError('a file in the ORT format, whose weights cannot be checked');
  const ranges: ExternalRange[] = [];
  let graphs = 0;
  const walk = (message: Message, from: number, to: number, depth: number): void => {
    if (depth > maxDepth) throw new OnnxFileError(`a file nested more than ${String(maxDepth)} levels deep`);
    for (const field of fieldsOf(bytes, from, to)) {
      const next = inner[message].get(field.number);
      if (next === undefined) continue;
      if (field.wire !== wireTypes.bytes) throw malformed();
      if (next === 'weight' || next === 'tensor') {
        // A main graph lies directly in the model; onnxruntime takes only its weights from memory (onnx-file/O1).
        const range = rangeOf(bytes, field.start, field.end, next === 'weight' && depth === 1);
        if (range !== null) ranges.push(range);
        if (ranges.length > maxRanges) throw new OnnxFileError('a file with too many weights in other files');
      } else {
        if (message === 'model' && next === 'graph') graphs++;
        walk(next, field.start, field.end, depth + 1);
      }
    }
  };
  walk('model', 0, bytes.length, 0);
  if (graphs === 0) throw new OnnxFileError('a file without a graph');
  return ranges;
}

/** A flatbuffer carries its kind after the offset of its root. */
function isOrtFormat(bytes: Uint8Array): boolean {
  return String.fromCharCode(...bytes.subarray(4, 8)) === 'ORTM';
}

/** @param handed whether onnxruntime takes this tensor from memory */
function rangeOf(bytes: Uint8Array, from: number, to: number, handed: boolean): ExternalRange | null {
  const entries = new Map<string, string>();
  let location = 0;
  let weight = '';
  for (const field of fieldsOf(bytes, from, to)) {
    if (field.number === tensorFields.name) weight = textOf(bytes, field);
    if (field.number === tensorFields.dataLocation) location = field.value;
    if (field.number === tensorFields.externalData) {
      const [key, value] = entryOf(bytes, field);
      if (entries.has(key)) throw new OnnxFileError(`a weight that names two values of "${shown(key)}"`);
      entries.set(key, value);
    }
  }
  // Readers cut the number to 32 bits, so that any but 0 may mean "in another file".
  if (location === 0 && (handed || entries.size === 0)) return null;
  if (!handed) {
    throw new OnnxFileError(`a tensor "${shown(weight)}" inside a node or a subgraph whose data lie in another file`);
  }
  const path = entries.get('location') ?? '';
  if (path === '') throw new OnnxFileError(`a weight "${shown(weight)}" in another file that it does not name`);
  return {
    weight: shown(weight),
    location: path,
    offset: wholeOf(entries.get('offset') ?? '0', weight),
    length: entries.has('length') ? wholeOf(entries.get('length') ?? '', weight) : null,
  };
}

function wholeOf(text: string, weight: string): number {
  const value = Number(text);
  if (/^\d{1,16}$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new OnnxFileError(`a weight "${shown(weight)}" at a place in another file that is not a whole number`);
}

/** Of a StringStringEntryProto. */
function entryOf(bytes: Uint8Array, entry: Field): readonly [string, string] {
  let [key, value] = ['', ''];
  if (entry.wire !== wireTypes.bytes) throw malformed();
  for (const field of fieldsOf(bytes, entry.start, entry.end)) {
    if (field.number === 1) key = textOf(bytes, field);
    if (field.number === 2) value = textOf(bytes, field);
  }
  return [key, value];
}

/** A name out of the file, safe to print. */
function shown(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}"]/gu, ' ').slice(0, 80);
}
