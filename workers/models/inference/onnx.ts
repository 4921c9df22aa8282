/** ONNX models by onnxruntime-node on the CPU. A run blocks the calling thread: the teacher calls it from a compute thread. */
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

import { ModelError } from './errors.js';
import { shapeText } from './input.js';
import type { AxisSize, Engine } from './inference.js';

/** 4 = fatal only: what goes wrong comes back as an error and is told once, by us. */
const silent = { level: 'fatal', severity: 4 } as const;

type TensorMetadata = Extract<InferenceSession.ValueMetadata, { isTensor: true }>;

/**
 * @param bytes the model file, whole
 * @param path for messages
 * @param threads of the library's own pool, for one run
 * @throws ModelError
 */
export async function openOnnx(bytes: Uint8Array, path: string, threads: number): Promise<Engine> {
  env.logLevel = silent.level;
  let session: InferenceSession;
  try {
    session = await InferenceSession.create(bytes, {
      executionProviders: ['cpu'],
      intraOpNumThreads: threads,
      interOpNumThreads: 1,
      executionMode: 'sequential',
      logSeverityLevel: silent.severity,
    });
  } catch (cause) {
    throw new ModelError(
      {
        path,
        found: `a file that the ONNX runtime refuses (${String(cause)})`,
        expected: 'an ONNX model in one file',
        remedy: 'check that it is complete and not a Git LFS pointer, and that its weights are not in a file beside it',
      },
      { cause },
    );
  }
  try {
    return engineOf(session, path, threads);
  } catch (error) {
    await session.release();
    throw error;
  }
}

function engineOf(session: InferenceSession, path: string, threads: number): Engine {
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
    description: `onnxruntime (cpu, ${String(threads)} ${threads === 1 ? 'thread' : 'threads'})`,
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
