/** Measures the teacher's accuracy on the evaluation split; prints one line of JSON. No stream is needed. */
import { quietLibraries, workerExitCodes } from '@distillery/protocol';

import { openInferenceThread } from '../compute/index.js';
import { inParts, openDataset } from '../data/index.js';
import { score } from '../models/inference/index.js';
import { resolve } from '../places/index.js';
import { endingOf, readLabelingEnvironment } from '../process/index.js';

const samplesAtOnce = 500;

async function evaluate(): Promise<{ readonly samples: number; readonly accuracy: number }> {
  Object.assign(process.env, quietLibraries);
  const { manifest, threads, runtime } = readLabelingEnvironment(process.env);
  const dataset = await openDataset(manifest.dataset);
  const { test } = dataset;
  const inference = await openInferenceThread({
    format: manifest.teacher.model.format,
    path: (await resolve(manifest.teacher.model.uri)).path,
    input: manifest.teacher.input,
    inputs: test.spec.inputs,
    threads,
    runtime,
    limitSeconds: manifest.teacher.model.timeoutSeconds,
  });
  let correct = 0;
  for (const indices of inParts(test, samplesAtOnce)) {
    const { logits } = await inference.infer(await test.read(indices));
    correct += score(logits, test.targets(indices).labels, inference.columns).correct;
  }
  await inference.close();
  await dataset.close();
  return { samples: test.length, accuracy: correct / test.length };
}

try {
  process.stdout.write(`${JSON.stringify(await evaluate())}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(workerExitCodes[endingOf(error)]);
}
