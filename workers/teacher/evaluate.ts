/** Measures the teacher's accuracy on the evaluation split; prints one line of JSON. No stream is needed. */
import { quietLibraries, workerExitCodes } from '@distillery/protocol';

import { openInferenceThread } from '../compute/index.js';
import { openDataset } from '../data/index.js';
import { resolve } from '../places/index.js';
import { endingOf, readLabellingEnvironment } from '../process/index.js';

const samplesAtOnce = 500;

async function evaluate(): Promise<{ readonly samples: number; readonly accuracy: number }> {
  Object.assign(process.env, quietLibraries);
  const { manifest, threads } = readLabellingEnvironment(process.env);
  const dataset = await openDataset(manifest.dataset);
  const { test } = dataset;
  const inference = await openInferenceThread({
    format: manifest.teacher.model.format,
    path: (await resolve(manifest.teacher.model.uri)).path,
    input: manifest.teacher.input,
    inputs: test.spec.inputs,
    threads,
    limitSeconds: manifest.teacher.model.timeoutSeconds,
  });
  let correct = 0;
  for (let from = 0; from < test.length; from += samplesAtOnce) {
    const indices = Uint32Array.from({ length: Math.min(samplesAtOnce, test.length - from) }, (_, row) => from + row);
    const { logits } = await inference.infer(await test.read(indices));
    for (const [row, label] of test.targets(indices).labels.entries()) {
      const answer = logits.subarray(row * inference.columns, (row + 1) * inference.columns);
      if (largest(answer) === label) correct += 1;
    }
  }
  await inference.close();
  await dataset.close();
  return { samples: test.length, accuracy: correct / test.length };
}

function largest(values: Float32Array): number {
  return values.reduce((best, value, at) => (value > (values[best] ?? -Infinity) ? at : best), 0);
}

try {
  process.stdout.write(`${JSON.stringify(await evaluate())}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(workerExitCodes[endingOf(error)]);
}
