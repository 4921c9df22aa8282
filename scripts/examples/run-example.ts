/** Runs one example from the packages to what its result measures. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { count } from '@distillery/base';

import { type Example, type Figures, filesOf } from './example.ts';
import { writeJobCopy } from './job-copy.ts';
import { fetchPackage } from './packages.ts';
import { resultsText, type SeedResult } from './results.ts';
import { runJob } from './run-job.ts';
import { wholeFolder } from './whole-folder.ts';

const root = resolve(import.meta.dirname, '../..');
/** Where the jobs of the examples look for prepared data. */
export const examplesCache = join(root, '.cache/examples');
/** The committed table has so many seeds. */
const tableSeeds = 5;

export interface ExampleRun {
  readonly isSmall: boolean;
  /** null = one run with the job's own seed. */
  readonly seeds: number | null;
  /** Folder for the job's copy and a folder for each run. */
  readonly folder: string;
  /** Keeps packages and prepared data. */
  readonly cache: string;
  readonly isQuiet: boolean;
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
  readonly stop: AbortSignal;
}

/** @returns the results, in the order of the seeds @throws CliError; the reason of `stop` once it aborts */
export async function runExample(example: Example, run: ExampleRun): Promise<SeedResult[]> {
  const { packages, data } = await prepared(example, run);
  const files = filesOf(example);
  const home = join(root, 'examples', files.folder);
  mkdirSync(run.folder, { recursive: true });
  const results: SeedResult[] = [];
  const seeds = run.seeds === null ? [null] : Array.from({ length: run.seeds }, (_, at) => at + 1);
  for (const seed of seeds) {
    const name = seed === null ? 'run' : `seed-${String(seed)}`;
    const job = join(run.folder, `${name}.yaml`);
    const source = join(home, files.job);
    const edits = run.isSmall ? example.small(data) : [];
    writeJobCopy(job, { source, named: join(examplesCache, example.name), data, seed, edits });
    const { figures, digest, model, manifest } = await runJob({
      job,
      folder: join(run.folder, name),
      hasBaseline: example.hasBaseline && seed !== null,
      output: run.isQuiet || seed !== null ? 'Quiet' : 'View',
      progress: (line) => run.progress(`${seed === null ? example.name : `seed ${String(seed)}`}: ${line}`),
      stop: run.stop,
    });
    const measured: Figures =
      (await example.measure?.({ data, manifest, dataset: manifest.dataset, model, figures, packages })) ?? {};
    results.push({ seed: seed ?? 0, figures: { ...figures, ...measured }, digest });
  }
  if (run.seeds === tableSeeds && !run.isSmall) {
    const file = join(home, files.results);
    writeFileSync(file, resultsText(example, results));
    run.progress(`wrote ${file}`);
  }
  return results;
}

interface Prepared {
  readonly packages: Readonly<Record<string, string>>;
  readonly data: string;
}

/** Fetches packages and prepares data, unless an earlier run did. */
async function prepared(example: Example, run: ExampleRun): Promise<Prepared> {
  const { cache, environment, progress, stop, isSmall } = run;
  const folders: Record<string, string> = {};
  for (const wanted of example.packages) {
    folders[wanted.name] = await fetchPackage(wanted, { folder: join(cache, 'packages'), environment, progress, stop });
  }
  const data = join(cache, isSmall ? `${example.name}-small` : example.name);
  const { prepare } = example;
  if (prepare === undefined) return { packages: folders, data };
  const stamp = [example.edition, ...example.packages.map(({ sha256 }) => sha256)].map((line) => `${line}\n`).join('');
  await wholeFolder(data, stamp, async (folder) => {
    const startMs = performance.now();
    progress(`${example.name}: preparing ${data}`);
    await prepare({ folder, packages: folders, isSmall, environment, progress, stop });
    progress(`${example.name}: prepared in ${count(Math.round((performance.now() - startMs) / 1_000), 'second')}`);
  });
  return { packages: folders, data };
}
