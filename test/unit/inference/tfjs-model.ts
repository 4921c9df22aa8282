/** A tfjs layers model on disk, Flatten and Dense, in as few files as the tests need. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface TinyModel {
  readonly shape: readonly number[];
  /** [values, classes] */
  readonly kernel: Float32Array;
  readonly bias: Float32Array;
}

const layer = (className: string, name: string, config: object): object => ({
  class_name: className,
  config: { name, trainable: true, ...config },
});

function modelJson({ shape, bias }: TinyModel, activation: string): object {
  const units = bias.length;
  const values = shape.reduce((product, axis) => product * axis, 1);
  return {
    format: 'layers-model',
    modelTopology: {
      class_name: 'Sequential',
      config: {
        name: 'tiny',
        layers: [
          layer('Flatten', 'flat', { batch_input_shape: [null, ...shape], dtype: 'float32' }),
          layer('Dense', 'logits', { units, activation, use_bias: true }),
        ],
      },
    },
    weightsManifest: [
      {
        paths: ['part1.bin', 'part2.bin'],
        weights: [
          { name: 'logits/kernel', shape: [values, units], dtype: 'float32' },
          { name: 'logits/bias', shape: [units], dtype: 'float32' },
        ],
      },
    ],
  };
}

/** Files of a model folder by name: model.json and its weights in two parts, cut in the middle of a number. */
export function tinyModelFiles(model: TinyModel, activation = 'linear'): Record<string, string | Uint8Array> {
  const bytes = new Uint8Array(Float32Array.of(...model.kernel, ...model.bias).buffer);
  return {
    'model.json': JSON.stringify(modelJson(model, activation)),
    'part1.bin': bytes.slice(0, 18),
    'part2.bin': bytes.slice(18),
  };
}

/** Writes the files, gives the path of model.json, and removes all when `work` is over. */
export async function withModelFolder(
  files: Readonly<Record<string, string | Uint8Array | null>>,
  work: (path: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'distillery-tfjs-'));
  try {
    for (const [name, content] of Object.entries(files)) {
      if (content !== null) await writeFile(join(folder, name), content);
    }
    await work(join(folder, 'model.json'));
  } finally {
    await rm(folder, { recursive: true });
  }
}
