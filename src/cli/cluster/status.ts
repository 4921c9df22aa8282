/** `distill status`: one page about a job, once or again and again. */
import type { Clock } from '@distillery/base';
import { printable, printableJson } from '@distillery/base';
import { stringify } from 'yaml';

import { kinds } from '../../cluster/kubernetes/index.js';

import { CliError } from '../shared/cli-error.js';
import type { Terminal } from '../shared/standard-output.js';

import type { ClusterReader } from './cluster-reader.js';
import { jobPage, type PageLine } from './job-page.js';
import { type JobFacts, jobFacts } from './job-facts.js';
import { namedJob, ofJob, orRefusal } from './named-job.js';

export interface StatusOptions {
  readonly job: string;
  readonly namespace: string;
  readonly output: 'page' | 'json' | 'yaml';
  readonly verbose: boolean;
  readonly watch: boolean;
}

export interface StatusTools {
  readonly cluster: ClusterReader;
  readonly kubectlOptions: readonly string[];
  readonly terminal: Terminal;
  /** Whether what is wrong is red. */
  readonly color: boolean;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

const watchMs = 2_000;

/** @throws CliError; the reason of the stop that ends a watch */
export async function status(options: StatusOptions, tools: StatusTools): Promise<void> {
  const { clock, stop, terminal } = tools;
  show(await seen(options, tools), options, tools);
  while (options.watch) {
    await clock.sleep(watchMs, stop);
    stop.throwIfAborted();
    try {
      show(await seen(options, tools), options, tools);
    } catch (error) {
      // An API server that is away for a moment does not end the watch; a job that is gone does.
      if (!(error instanceof CliError) || error.retry !== 'Later') throw error;
      terminal.write(`${printable(error.message)}\n`);
    }
  }
}

async function seen({ job, namespace }: StatusOptions, tools: StatusTools): Promise<JobFacts> {
  const { cluster, kubectlOptions, clock } = tools;
  const named = await namedJob(cluster, namespace, job, kubectlOptions);
  const [pods, events] = await Promise.all([
    orRefusal(cluster.list(kinds.pods, { namespace, labelSelector: ofJob(named.job) })),
    orRefusal(cluster.list(kinds.events, { namespace })),
  ]);
  return jobFacts({ named, pods, events }, clock.now());
}

function show(facts: JobFacts, { output, verbose, watch }: StatusOptions, tools: StatusTools): void {
  const { terminal, color } = tools;
  switch (output) {
    case 'json':
      terminal.write(`${printableJson(JSON.stringify(facts))}\n`);
      return;
    case 'yaml':
      terminal.write(`${watch ? '---\n' : ''}${printableJson(stringify(facts))}`);
      return;
    case 'page': {
      const lines = jobPage(facts, { verbose }).map((line) => painted(line, color));
      // Cleared only right before the next page is written: a page never blinks.
      terminal.write(`${watch && terminal.isTTY === true ? clear : ''}${lines.join('\n')}\n`);
    }
  }
}

const clear = '\u001b[H\u001b[2J';
const styles = { heading: '\u001b[1m', problem: '\u001b[31m' } as const;

function painted({ text, kind }: PageLine, color: boolean): string {
  const plain = printable(text);
  return color && kind !== 'text' ? `${styles[kind]}${plain}\u001b[0m` : plain;
}
