/** ONNX models by onnxruntime-node. A run blocks the calling thread: the teacher calls it from a compute thread. */
import { dirname } from 'node:path';

import { count } from '@distillery/base';
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

import { librarySentence } from '../../base/index.js';
import { ModelError } from './errors.js';
import { shapeText } from './input.js';
import type { AxisSize, Engine, ModelFile } from './inference.js';
import { readBeside } from './model-file.js';
import { externalRanges, type ExternalRange, OnnxFileError } from './onnx-file.js';

/** 4 = fatal only: what goes wrong comes back as an error, which we report once. */
const silent = { level: 'fatal', severity: 4 } as const;

type TensorMetadata = Extract<InferenceSession.ValueMetadata, { isTensor: true }>;

/** Longest file of weights beside a model. */
const maxWeightsBytes = 2 ** 34;

/**
 * Files with weights are read from beside the model and given to the library in memory.
 * @param device the only one that is tried
 * @throws ModelError
 */
export async function openOnnx({ bytes, path, threads, note }: ModelFile, device: 'cpu' | 'cuda'): Promise<Engine> {
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
      extra: { session: { model_external_initializers_file_folder_path: dirname(path) } },
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
    return engineOf(session, path, `${device}, ${count(threads, 'thread')}`);
  } catch (error) {
    await session.release();
    throw error;
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

/** @param how for people: device and threads */
function engineOf(session: InferenceSession, path: string, how: string): Engine {
  const input = onlyTensor(path, 'input', session.inputMetadata);
  const output = onlyTensor(path, 'output', session.outputMetadata);
  if (output.shape.length !== 2) {
    throw new ModelError({
      path,
      found: `an output of shape ${shapeText(output.shape.map(sizeOf))}`,
      expected: '[N, classes]',
      remedy: 'export the model with logits as its only output',
    });
  }
  return {
    description: `onnxruntime (${how})`,
    inputShape: input.shape.map(sizeOf),
    run: async (data, shape) => {
      const answers = await session.run({ [input.name]: new Tensor('float32', data, shape) });
      const answer = answers[output.name];
      if (answer?.type !== 'float32') throw new TypeError(`no float32 output ${output.name}`);
      // The runtime owns the memory behind its answer: copy before it is freed.
      const copy = { data: Float32Array.from(answer.data as Float32Array), shape: answer.dims };
      answer.dispose();
      return copy;
    },
    close: () => session.release(),
  };
}

function sizeOf(axis: number | string): AxisSize {
  return typeof axis === 'number' ? axis : null;
}

function onlyTensor(
  path: string,
  role: 'input' | 'output',
  all: readonly InferenceSession.ValueMetadata[],
): TensorMetadata {
  const [only, another] = all;
  const names = all.map(({ name, ...rest }) => `${name} (${rest.isTensor ? rest.type : 'no tensor'})`).join(', ');
  if (only === undefined || another !== undefined || !only.isTensor || only.type !== 'float32') {
    throw new ModelError({
      path,
      found: `${role}s: ${names}`,
      expected: `exactly one ${role}, a float32 tensor`,
      remedy:
        role === 'input'
          ? 'export the model with one float32 input'
          : 'export the model with logits as its only output',
    });
  }
  return only;
}
