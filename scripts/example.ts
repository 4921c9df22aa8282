/**
 * Runs an example: `npm run example -- NAME`. Fetches its packages, prepares its data, runs its job by `distill run` and
 * prints what the result measures. Without a name it lists the examples. Needs a build.
 */
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';

import { alternatives } from '@distillery/base';
import { quietLibraries } from '@distillery/protocol';

import { CliError } from '../dist/src/cli/shared/cli-error.js';
import { exitCodeOf } from '../dist/src/cli/shared/exit-code.js';
import { exitCodes } from '../dist/src/cli/shared/exit.js';

import { type Example, filesOf } from './examples/example.ts';
import { probes } from './examples/packages.ts';
import { examples } from './examples/registry.ts';
import { resultsText, type SeedResult, shownText } from './examples/results.ts';
import { examplesCache, runExample } from './examples/run-example.ts';

const usage = `npm run example -- NAME [--small] [--seeds N] [--dir FOLDER] [--cache FOLDER] [--json]

  --small         a small part of the data, as tests run it
  --seeds N       seeds 1 to N, and a table of their results; --seeds 5 writes it to the example's folder
  --dir FOLDER    a new or empty folder for the job as it is run, its logs and models (default: runs/NAME-<time>)
  --cache FOLDER  keeps packages and prepared data (default: .cache/examples)
  --json          one JSON object instead of the view
`;

interface Arguments {
  /** null = list the examples. */
  readonly example: Example | null;
  readonly isSmall: boolean;
  readonly seeds: number | null;
  readonly folder: string | undefined;
  readonly cache: string;
  readonly isJson: boolean;
}

function usageError(about: string, problem: string, remedy: string): CliError {
  return new CliError('usage', { about, problem, remedy });
}

/** @throws CliError usage */
function readArguments(args: readonly string[]): Arguments {
  const { values, positionals } = parsed(args);
  const [name] = positionals;
  if (positionals.length > 1) throw usageError('example', 'several names are given', 'give one');
  const example = name === undefined ? null : (examples.find((each) => each.name === name) ?? null);
  if (name !== undefined && example === null) {
    throw usageError(name, 'there is no such example', `write ${alternatives(examples.map((each) => each.name))}`);
  }
  const seeds = values.seeds === undefined ? null : Number(values.seeds);
  if (seeds !== null && (!Number.isInteger(seeds) || seeds < 1 || seeds > 100)) {
    throw usageError('--seeds', `found ${values.seeds ?? ''}`, 'give a whole number from 1 to 100');
  }
  return {
    example,
    isSmall: values.small,
    seeds,
    folder: values.dir,
    cache: resolve(values.cache),
    isJson: values.json,
  };
}

function parsed(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        small: { type: 'boolean', default: false },
        seeds: { type: 'string' },
        dir: { type: 'string' },
        cache: { type: 'string', default: examplesCache },
        json: { type: 'boolean', default: false },
      },
    });
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw usageError('example', problem, 'run it without arguments to see those it takes');
  }
}

const say = (line: string): void => void process.stderr.write(`${line}\n`);
const print = (text: string): void => void process.stdout.write(text);

/** For machines: the figures that a run with seeds measures, and commands that tell whether it can fetch its packages. */
function listJson(): void {
  const listed = examples.map((example) => ({
    name: example.name,
    folder: filesOf(example).folder,
    figures: [...example.columns, ...example.constants].map(({ figure }) => figure),
    probes: [...new Set(example.packages.map(({ registry }) => registry))].flatMap((registry) => probes[registry]),
  }));
  print(`${JSON.stringify(listed)}\n`);
}

function list(): void {
  const width = Math.max(...examples.map(({ name }) => name.length));
  print(`${usage}\n`);
  for (const { name, summary, duration } of examples) print(`  ${name.padEnd(width)}  ${summary} (${duration})\n`);
}

function printFigures({ columns, constants }: Example, results: readonly SeedResult[]): void {
  const figures = results[0]?.figures ?? {};
  const known = [...constants, ...columns].filter(({ figure }) => figures[figure] !== undefined);
  for (const shown of known) print(`  ${shown.title}: ${shownText(shown, figures)}\n`);
}

async function main(stop: AbortSignal): Promise<void> {
  const { example, isSmall, seeds, folder, cache, isJson } = readArguments(process.argv.slice(2));
  if (example === null) {
    if (isJson) listJson();
    else list();
    return;
  }
  const time = new Date().toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const results = await runExample(example, {
    isSmall,
    seeds,
    folder: resolve(folder ?? join('runs', `${example.name}-${time}`)),
    cache,
    isQuiet: isJson,
    environment: process.env,
    progress: say,
    stop,
  });
  if (isJson) print(`${JSON.stringify({ example: example.name, results })}\n`);
  else if (seeds === null) printFigures(example, results);
  else print(resultsText(example, results));
  if (isSmall && !isJson) print('This was a small run: its figures say nothing about the example.\n');
}

Object.assign(process.env, quietLibraries);
const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    process.exitCode = signal === 'SIGINT' ? exitCodes.interrupted : exitCodes.terminated;
    stop.abort();
  });
}
try {
  await main(stop.signal);
} catch (error) {
  if (!stop.signal.aborted) {
    process.exitCode = exitCodeOf(error, 'sentence', (text) => void process.stderr.write(text));
  }
}
