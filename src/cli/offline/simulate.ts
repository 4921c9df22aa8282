/** `distill simulate`: compares ways of scaling on a simulated cluster. It connects to no cluster and no NATS server. */
import { readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { setImmediate } from 'node:timers/promises';

import { markdownTable, printable, printableJson } from '@distillery/base';
import { readFaultOf } from '@distillery/platform';

import {
  compare,
  type ComparisonProgress,
  type CsvFile,
  generateTrace,
  goalsAmong,
  isPolicyName,
  jobsOf,
  type LeftOut,
  type Parameters,
  policies,
  type PolicyName,
  readLoggedCluster,
  readParameters,
  type Row,
  tableRow,
  type Trace,
  TraceError,
} from '../../simulate/index.js';

import { CliError } from '../shared/cli-error.js';
import type { ReadInput } from '../shared/input.js';

export interface SimulateOptions {
  /** Nothing for the default parameters, a file of parameters, a folder with two lists, or a node list and a pod list. */
  readonly trace: readonly string[];
  /** File of parameters for lists, which hold no jobs and no teachers. */
  readonly parameters?: string;
  /** Empty = all. */
  readonly policy: readonly string[];
  readonly seed: number;
  readonly json: boolean;
}

export interface SimulateTools {
  /** Writes a line of the result. */
  readonly say: (line: string) => void;
  /** Shows how far the simulation is. */
  readonly progress: (line: string) => void;
  readonly readInput: ReadInput;
  readonly stop: AbortSignal;
}

/** @throws CliError */
export async function simulate(options: SimulateOptions, tools: SimulateTools): Promise<void> {
  const names = namedPolicies(options.policy);
  const { trace, notes, leftOut } = await traced(() => readTrace(options, tools));
  if (!options.json) notes.forEach((note) => tools.say(note));
  const rows = await finished(compare(trace, names), tools);
  if (rows === null) return;
  const goals = goalsAmong(rows, names, trace.timings.graceSeconds);
  if (options.json) {
    tools.say(printableJson(JSON.stringify({ trace: sizeOf(trace), notes, leftOut, seed: options.seed, rows, goals })));
    return;
  }
  tools.say(markdownTable(rows.map(tableRow)));
  for (const { goal, met, found } of goals) tools.say(`${met ? 'met' : 'MISSED'}: ${goal}: ${found}`);
}

function namedPolicies(named: readonly string[]): PolicyName[] {
  const all = Object.keys(policies).filter(isPolicyName);
  if (named.length === 0) return all;
  return named.map((name) => {
    if (isPolicyName(name)) return name;
    throw new CliError('usage', {
      about: '--policy',
      found: name,
      expected: `some of ${all.join(', ')}`,
      remedy: 'correct the name, or leave --policy out for all of them',
    });
  });
}

interface ReadTrace {
  readonly trace: Trace;
  /** Sentences about the trace. */
  readonly notes: readonly string[];
  /** Rows of a log that are not replayed. */
  readonly leftOut: readonly (Pick<LeftOut, 'why' | 'names'> & { readonly count: number })[];
}

async function readTrace(
  { trace: paths, parameters, seed }: SimulateOptions,
  { readInput }: SimulateTools,
): Promise<ReadTrace> {
  const [first, second, ...more] = paths;
  if (more.length > 0) {
    throw new CliError('usage', {
      about: 'distill simulate',
      found: `${paths.length} files`,
      expected: 'at most a node and a pod list',
      remedy: 'name one file of parameters, or a node and a pod list',
    });
  }
  if (second !== undefined) return readLists([first ?? '', second], parameters, seed, readInput);
  if (first !== undefined && isFolder(first)) return readLists(listsIn(first), parameters, seed, readInput);
  if (first !== undefined && parameters !== undefined) {
    throw new CliError('usage', {
      about: 'distill simulate',
      problem: '--parameters is for lists',
      remedy: 'name one file of parameters',
    });
  }
  const trace = generateTrace(await parametersIn(first, readInput), seed);
  return { trace, notes: [traceSummary(trace)], leftOut: [] };
}

async function readLists(
  [nodeList, podList]: readonly [string, string],
  parametersFile: string | undefined,
  seed: number,
  readInput: ReadInput,
): Promise<ReadTrace> {
  const parameters = await parametersIn(parametersFile, readInput);
  const nodes: CsvFile = { name: nodeList, content: await readInput(nodeList) };
  const pods: CsvFile = { name: podList, content: await readInput(podList) };
  const logged = readLoggedCluster(nodes, pods, parameters);
  const trace = { nodes: logged.nodes, neighbors: logged.neighbors, ...jobsOf(parameters, seed) };
  return {
    trace,
    notes: [
      traceSummary(trace),
      `from second ${logged.fromSeconds} of the log on, ${parameters.hours} h`,
      ...logged.leftOut.map(leftOutSentence),
    ],
    leftOut: logged.leftOut.map(({ why, names }) => ({ why, count: names.length, names: names.slice(0, mostNames) })),
  };
}

/** Names in a sentence and in JSON; a log can leave out ten thousand. */
const mostNames = 10;

const leftOutWords = {
  NodeWithoutAccelerator: ['node without accelerators', 'nodes without accelerators'],
  WithoutAccelerator: ['pod without accelerators', 'pods without accelerators'],
  NeverRan: ['pod that never ran', 'pods that never ran'],
  NoNodeHoldsIt: [
    'pod that no node of the list can hold, by its models or its slots',
    'pods that no node of the list can hold, by their models or their slots',
  ],
  OtherHours: ['pod that ran at other hours only', 'pods that ran at other hours only'],
} satisfies Record<LeftOut['why'], readonly [string, string]>;

function leftOutSentence({ why, names }: LeftOut): string {
  const [one, several] = leftOutWords[why];
  const named = printable(names.slice(0, mostNames).join(', '));
  const more = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
  return `left out: ${names.length} ${names.length === 1 ? one : several}: ${named}${more}`;
}

function sizeOf({ nodes, neighbors, jobs }: Trace): Record<'nodes' | 'slots' | 'neighbors' | 'jobs', number> {
  const slots = nodes.reduce((sum, node) => sum + node.slots, 0);
  return { nodes: nodes.length, slots, neighbors: neighbors.length, jobs: jobs.length };
}

function traceSummary(trace: Trace): string {
  const { nodes, slots, neighbors, jobs } = sizeOf(trace);
  return `${nodes} nodes with ${slots} slots, ${neighbors} pods of neighbors, ${jobs} distillation jobs`;
}

async function parametersIn(path: string | undefined, readInput: ReadInput): Promise<Parameters> {
  return path === undefined ? readParameters('the defaults', '{}') : readParameters(path, await readInput(path));
}

function listsIn(folder: string): readonly [string, string] {
  const names = listOf(folder).filter((name) => name.endsWith('.csv'));
  const only = (kind: string): string => {
    const [found, ...others] = names.filter((name) => name.includes(`${kind}_list`)).map((name) => join(folder, name));
    if (found !== undefined && others.length === 0) return found;
    const listed = found === undefined ? 'none' : [found, ...others].map((path) => basename(path)).join(', ');
    throw new CliError('badInput', {
      about: folder,
      found: listed,
      expected: `one *${kind}_list*.csv`,
      remedy: 'name both files instead',
    });
  };
  return [only('node'), only('pod')];
}

/** False also for a path that cannot be read: reading it reports why. */
function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

function listOf(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    const { found, remedy } = readFaultOf(error, folder);
    throw new CliError('badInput', { about: folder, found, expected: 'a folder', remedy }, { cause: error });
  }
}

async function traced<Result>(read: () => Promise<Result>): Promise<Result> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof TraceError) throw new CliError('badInput', error.fault, { cause: error });
    throw error;
  }
}

/** Signals are delivered between two slices of the comparison. @returns null after a stop */
async function finished(
  comparison: Generator<ComparisonProgress, Row[]>,
  { progress, stop }: SimulateTools,
): Promise<Row[] | null> {
  for (;;) {
    const step = comparison.next();
    if (step.done === true) return step.value;
    progress(`${step.value.policy}: hour ${(step.value.nowSeconds / 3_600).toFixed(1)}`);
    await setImmediate();
    if (stop.aborted) return null;
  }
}
