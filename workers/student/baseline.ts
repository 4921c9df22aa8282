/**
 * Says before a run whether its baseline has labels to learn from; prints one line of JSON, a `Baseline`. No stream is
 * needed.
 */
import type { StatementFault } from '@distillery/base';
import { quietLibraries, workerExitCodes } from '@distillery/protocol';

import { openDataset } from '../data/index.js';
import { endingOf, placesOf, readLabelingEnvironment } from '../process/index.js';

import { baselineFault } from './label-note.js';

/** Standard output carries the result alone. */
const quietLog = { info: () => undefined, warn: () => undefined };

interface Baseline {
  /** Why there can be none; null = there can be one. */
  readonly fault: StatementFault | null;
}

async function baseline(): Promise<Baseline> {
  Object.assign(process.env, quietLibraries);
  const env = readLabelingEnvironment(process.env);
  const places = placesOf(env, quietLog, new AbortController().signal);
  const dataset = await openDataset(env.manifest.dataset, { placeOf: (uri) => places.resolve(uri, 'dataset') });
  const fault = baselineFault(env.manifest, dataset);
  await dataset.close();
  return { fault };
}

try {
  process.stdout.write(`${JSON.stringify(await baseline())}\n`);
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(workerExitCodes[endingOf(error)]);
}
