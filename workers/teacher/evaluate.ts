/** Measures the teacher's accuracy on the evaluation split; prints one line of JSON, a `Measured`. No stream is needed. */
import { fixedLibraries, quietLibraries, workerExitCodes } from '@distillery/protocol';

import { openInferenceThread } from '../compute/index.js';
import { inParts, openDataset } from '../data/index.js';
import { score } from '../models/inference/index.js';
import { endingOf, placesOf, readLabelingEnvironment } from '../process/index.js';

import { inferenceSource } from './source.js';

const samplesAtOnce = 500;
/** Standard output carries the result alone. */
const quietLog = { info: () => undefined, warn: () => undefined };

interface Measured {
  /** Samples of the evaluation split. */
  readonly samples: number;
  /** null where nothing is held out, or the samples have no classes. */
  readonly accuracy: number | null;
}

async function evaluate(): Promise<Measured> {
  Object.assign(process.env, quietLibraries, fixedLibraries);
  const env = readLabelingEnvironment(process.env);
  const { manifest } = env;
  const places = placesOf(env, quietLog, new AbortController().signal);
  const dataset = await openDataset(manifest.dataset, { placeOf: (uri) => places.resolve(uri, 'dataset') });
  const { test } = dataset;
  // The columns of an embedding are no classes.
  if (test?.spec.target?.kind !== 'class' || manifest.teacher.output?.kind === 'Embedding') {
    await dataset.close();
    return { samples: 0, accuracy: null };
  }
  const inference = await openInferenceThread(await inferenceSource(manifest, env, dataset, places));
  let correct = 0;
  for (const indices of inParts(test, samplesAtOnce)) {
    const { logits } = await inference.infer(await test.read(indices));
    const targets = await test.targets(indices);
    if (targets?.kind === 'class') correct += score(logits, targets.labels, inference.columns).correct;
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
