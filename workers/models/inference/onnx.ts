/** ONNX models by onnxruntime-node. A run blocks the calling thread: the teacher calls it from a compute thread. */
import { dirname } from 'node:path';

import { count } from '@distillery/base';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

import { librarySentence } from '../../base/index.js';
import { ModelError } from './errors.js';
import { type AxisSize, type ElementType, elementTypes, type Feed, type ModelInput } from '../../inputs/index.js';
import { closingOperators } from './closing-operator.js';
import { embeddingRows } from './embedding-rows.js';
import type { ModelSession, ModelFile, ModelOutput } from './inference.js';
import { readBeside } from './model-file.js';
import { onnxGraph } from './onnx-graph.js';
import { externalRanges, type ExternalRange, OnnxFileError } from './onnx-file.js';

/** 4 = fatal only: what goes wrong comes back as an error, which we report once. */
const silent = { level: 'fatal', severity: 4 } as const;

/**
 * The native part of release 1.30 reads and writes half floats as Uint16Array, but its JavaScript part asks for a
 * Float16Array where Node has one. It decides at its first tensor, which is made here while that array is hidden.
 */
function takeHalfFloatsAsBits(): void {
  const hidden = Object.getOwnPropertyDescriptor(globalThis, 'Float16Array');
  if (hidden?.configurable !== true) return;
  delete (globalThis as { Float16Array?: unknown }).Float16Array;
  try {
    new Tensor('float32', [0], [1]);
  } finally {
    Object.defineProperty(globalThis, 'Float16Array', hidden);
  }
}
takeHalfFloatsAsBits();

/** Longest file of weights beside a model. */
const maxWeightsBytes = 2 ** 34;

/**
 * Files with weights are read from beside the model and given to the library in memory.
 * @param device the only one that is tried
 * @throws ModelError
 */
export async function openOnnx(
  { bytes, path, threads, isMember = false, note }: ModelFile,
  device: 'cpu' | 'cuda',
): Promise<ModelSession> {
  env.logLevel = silent.level;
  const externalData = await externalFiles(bytes, path, note);
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(bytes, {
      executionProviders: [device],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: silent.severity,
      ...(externalData.length === 0 ? {} : { externalData }),
      // Without it the library looks for files in the working folder of the process. It needs none: a second barrier.
      extra: {
        session: {
          model_external_initializers_file_folder_path: dirname(path),
          // The threads of one member would wait in a loop and take the CPU from the next member.
          ...(isMember ? { intra_op: { allow_spinning: '0' } } : {}),
        },
      },
    });
  } catch (cause) {
    throw new ModelError(
      {
        path,
        found: `a file that the ONNX runtime refuses (${librarySentence(cause)})`,
        expected: 'an ONNX model',
        remedy: 'check that the file is complete and that this version of the runtime knows its operators',
      },
      { cause },
    );
  }
  try {
    const opened = modelSession(session, path, `${device}, ${count(threads, 'thread')}`, bytes);
    return device === 'cpu' ? { ...opened, numbersAtOnce: inCache } : opened;
  } catch (error) {
    await session.release();
    throw error;
  }
}

/**
 * Numbers of the inputs for which the layers between stay in a core's caches: 64 pictures of MNIST are labeled 8 % faster than
 * 128 (`npm run bench teachers`).
 */
const inCache = 65_536;

/** A model that answers its input: one number. */
const identity = 'CAg6NwoQCgF4EgF5IghJZGVudGl0eRIBZ1oPCgF4EgoKCAgBEgQKAggBYg8KAXkSCgoICAESBAoCCAFCAhAN';

/** @returns why the library cannot compute on this device, in its words; null when it can */
export async function deviceFault(device: 'cpu' | 'cuda'): Promise<string | null> {
  try {
    const session = await InferenceSession.create(Buffer.from(identity, 'base64'), { executionProviders: [device] });
    await session.release();
    return null;
  } catch (error) {
    return librarySentence(error);
  }
}

/** The files that hold weights of the model, under the names that it uses. */
async function externalFiles(
  bytes: Uint8Array,
  path: string,
  note: (bytes: Uint8Array) => void,
): Promise<{ readonly path: string; readonly data: Uint8Array }[]> {
  const files = new Map<string, Uint8Array>();
  for (const range of rangesOf(bytes, path)) {
    let data = files.get(range.location);
    if (data === undefined) {
      data = await readBeside(path, range.location, maxWeightsBytes);
      note(data);
      files.set(range.location, data);
    }
    checkRange(path, range, data.length);
  }
  return [...files].map(([name, data]) => ({ path: name, data }));
}

function rangesOf(bytes: Uint8Array, path: string): readonly ExternalRange[] {
  try {
    return externalRanges(bytes);
  } catch (cause) {
    if (!(cause instanceof OnnxFileError)) throw cause;
    throw new ModelError(
      {
        path,
        found: cause.found,
        expected: 'an ONNX model, its weights inside or as external data of its main graph',
        remedy: 'check that the file is complete and not a Git LFS pointer, or export it again',
      },
      { cause },
    );
  }
}

function checkRange(path: string, { weight, location, offset, length }: ExternalRange, bytes: number): void {
  if (offset + (length ?? 0) <= bytes) return;
  const end = length === null ? '' : ` to ${String(offset + length)}`;
  throw new ModelError({
    path,
    found: `${String(bytes)} bytes in ${JSON.stringify(location)}`,
    expected: `bytes ${String(offset)}${end} for the weight "${weight}"`,
    remedy: 'copy that file again: it is cut off, or belongs to another model',
  });
}

/**
 * @param how for people: device and threads
 * @param bytes the model file
 * @throws ModelError for an input of a type that no sample has
 */
function modelSession(session: InferenceSession, path: string, how: string, bytes: Uint8Array): ModelSession {
  const operators = closingOperators(bytes);
  const rows = embeddingRows(onnxGraph(bytes, session.inputNames));
  const inputs = session.inputMetadata.map((metadata): ModelInput => {
    const ids = rows.get(metadata.name);
    return { ...inputOf(path, metadata, session.inputMetadata), ...(ids === undefined ? {} : { ids }) };
  });
  return {
    description: `onnxruntime (${how})`,
    inputs,
    outputs: session.outputMetadata.map((metadata) => outputOf(metadata, operators)),
    run: async (feeds, output) => {
      const given = inputs.map(({ name }, at) => [name, tensorOf(feeds[at])] as const);
      const answers = await session.run(Object.fromEntries(given), [output]);
      const answer = answers[output];
      if (answer === undefined || !floatTypes.has(answer.type)) throw new TypeError(`no numbers in output ${output}`);
      // The runtime owns the memory behind its answer: copy before it is freed.
      const copy = { data: new Float32Array(numbersOf(answer)), shape: answer.dims };
      answer.dispose();
      return copy;
    },
    close: () => session.release(),
  };
}

function numbersOf({ data }: Tensor): Float32Array | Float16Array {
  if (data instanceof Uint16Array) return new Float16Array(data.buffer, data.byteOffset, data.length);
  return data as Float32Array;
}

const floatTypes: ReadonlySet<string> = new Set(['float32', 'float16', 'float64']);

function tensorOf(feed: Feed | undefined): Tensor {
  if (feed === undefined) throw new RangeError('run: a feed is missing');
  const { dtype, shape, data } = feed;
  // The library names the type, and takes the array that belongs to it.
  const array = data instanceof Float16Array ? new Uint16Array(data.buffer, data.byteOffset, data.length) : data;
  return new Tensor(dtype as 'float32', array as Float32Array, shape);
}

function inputOf(
  path: string,
  metadata: InferenceSession.ValueMetadata,
  all: readonly InferenceSession.ValueMetadata[],
): ModelInput {
  const dtype = elementTypes.find((type) => metadata.isTensor && type === metadata.type);
  if (metadata.isTensor && dtype !== undefined) {
    return { name: metadata.name, dtype: dtype satisfies ElementType, shape: metadata.shape.map(sizeOf) };
  }
  const names = all.map(({ name, ...rest }) => `${name} (${rest.isTensor ? rest.type : 'no tensor'})`).join(', ');
  throw new ModelError({
    path,
    found: `${count(all.length, 'input')}: ${names}`,
    expected: `tensors of ${elementTypes.join(', ')}`,
    remedy: 'export the model with such inputs',
  });
}

function outputOf(metadata: InferenceSession.ValueMetadata, operators: ReadonlyMap<string, string>): ModelOutput {
  const { name } = metadata;
  const operator = operators.get(name) ?? null;
  if (!metadata.isTensor) return { name, type: 'no tensor', isFloat: false, shape: [], operator };
  const { type, shape } = metadata;
  return { name, type, isFloat: floatTypes.has(type), shape: shape.map(sizeOf), operator };
}

function sizeOf(axis: number | string): AxisSize {
  return typeof axis === 'number' ? axis : null;
}
