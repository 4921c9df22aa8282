/** Measures the teacher on the evaluation split, as the student is measured; prints one line of JSON, a `Measured`. No stream is needed. */
import { fixedLibraries, type NamedMetrics, quietLibraries, workerExitCodes } from '@distillery/protocol';

import { openInferenceThread } from '../compute/index.js';
import { inParts, openDataset } from '../data/index.js';
import type { TargetSpec } from '../samples/index.js';
import { type Evaluation, evaluationOf, evaluationSum, scoresOf } from '../models/inference/index.js';
import { endingOf, placesOf, readLabelingEnvironment } from '../process/index.js';

import { inferenceSource } from './source.js';

const samplesAtOnce = 500;
/** Standard output carries the result alone. */
const quietLog = { info: () => undefined, warn: () => undefined };

interface Measured {
  /** Samples of the evaluation split; 0 where nothing is measured. */
  readonly samples: number;
  /** null where nothing is held out, or the targets are not one class. */
  readonly accuracy: number | null;
  /** By the names of the student's; empty where nothing is held out, or the targets are no answers of this teacher. */
  readonly metrics: NamedMetrics;
}

const nothing: Measured = { samples: 0, accuracy: null, metrics: {} };

async function evaluate(): Promise<Measured> {
  Object.assign(process.env, quietLibraries, fixedLibraries);
  const env = readLabelingEnvironment(process.env);
  const { manifest } = env;
  const places = placesOf(env, quietLog, new AbortController().signal);
  const dataset = await openDataset(manifest.dataset, { placeOf: (uri) => places.data(uri) });
  const { test } = dataset;
  const target = test?.spec.target ?? null;
  const { output = {} } = manifest.teacher;
  // The columns of an embedding are no classes. Rows of tokens that are pooled are an embedding, too.
  const isEmbedding = output.kind === 'Embedding' || (output.kind === undefined && output.pooling !== undefined);
  if (test === null || target === null || (isEmbedding && target.kind !== 'values')) {
    await dataset.close();
    return nothing;
  }
  const inference = await openInferenceThread(await inferenceSource(manifest, env, dataset, places));
  // A class beyond the teacher's columns is never predicted; several classes and numbers have a column each.
  const fits = target.kind === 'class' || widthOf(target) === inference.columns;
  let evaluation: Evaluation | null = null;
  for (const indices of fits ? inParts(test, samplesAtOnce) : []) {
    const { logits } = await inference.infer(await test.read(indices));
    const targets = await test.targets(indices);
    if (targets === null) continue;
    const part = evaluationOf(logits, targets, inference.columns);
    evaluation = evaluation === null ? part : evaluationSum(evaluation, part);
  }
  await inference.close();
  await dataset.close();
  if (evaluation === null) return nothing;
  const { accuracy, metrics } = scoresOf(evaluation);
  return { samples: test.length, accuracy, metrics };
}

function widthOf(target: TargetSpec): number {
  return target.kind === 'values' ? target.width : target.classes;
}

try {
  process.stdout.write(`${JSON.stringify(await evaluate())}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(workerExitCodes[endingOf(error)]);
}
