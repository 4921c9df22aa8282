/** Measures the teacher's accuracy on the evaluation split; prints one line of JSON. No stream is needed. */
import { quietLibraries, workerExitCodes } from '@distillery/protocol';

import { openInferenceThread } from '../compute/index.js';
import { openDataset, pathOfUri } from '../data/index.js';
import { endingOf, readLabellingEnvironment } from '../process/index.js';

const rowsAtOnce = 500;

async function evaluate(): Promise<{ readonly samples: number; readonly accuracy: number }> {
  Object.assign(process.env, quietLibraries);
  const { manifest, threads } = readLabellingEnvironment(process.env);
  const dataset = await openDataset(manifest.dataset);
  const { test } = dataset;
  const inference = await openInferenceThread({
    format: manifest.teacher.model.format,
    path: pathOfUri(manifest.teacher.model.uri),
    input: manifest.teacher.input,
    sampleShape: test.shape,
    threads,
    limitSeconds: manifest.teacher.model.timeoutSeconds,
  });
  let correct = 0;
  for (let from = 0; from < test.length; from += rowsAtOnce) {
    const indices = Uint32Array.from({ length: Math.min(rowsAtOnce, test.length - from) }, (_, row) => from + row);
    const { logits } = await inference.infer(await test.read(indices), indices.length);
    for (const [row, label] of test.labels(indices).entries()) {
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
