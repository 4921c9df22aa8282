/** `distill logs`: what a job's processes log, merged by time. */
import type { Clock } from '@distillery/base';

import { workerContainer } from '../../api/index.js';
import { ApiError, kinds } from '../../cluster/kubernetes/index.js';

import { CliError } from '../shared/cli-error.js';

import type { ClusterReader } from './cluster-reader.js';
import { LogMerge, type LogLine, timedLine } from './log-merge.js';
import { namedJob, ofJob } from './named-job.js';
import { type WorkerPod, workerPods } from './worker-pods.js';

export interface LogsOptions {
  readonly job: string;
  readonly namespace: string;
  readonly role?: 'student' | 'teacher';
  readonly pool?: string;
  readonly follow: boolean;
  readonly previous: boolean;
  /** Last lines of each process; absent = all. */
  readonly tail?: number;
  readonly sinceSeconds?: number;
}

export interface LogsTools {
  readonly cluster: ClusterReader;
  readonly kubectlOptions: readonly string[];
  readonly say: (line: string) => void;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

/** Open logs at a time: each is a connection to the API server. */
const mostPods = 64;
/** How often a followed job is asked for new pods, and how long a line waits for earlier ones of other processes. */
const turnMs = 500;
const turnsBetweenLists = 4;

/** @throws CliError; the reason of the stop that ends it */
export async function logs(options: LogsOptions, tools: LogsTools): Promise<void> {
  const { clock, stop, say } = tools;
  const merge = new LogMerge();
  const open = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  const found = await podsOf(options, tools);
  if (found.length === 0 && !options.follow) throw noPods(options);
  const start = (pods: readonly WorkerPod[]): void => {
    for (const pod of pods) {
      // A pod without a node has no log yet.
      if (open.has(pod.name) || pod.node === null) continue;
      const reading = read(pod, options, tools, merge).catch((error: unknown) => void failures.push(error));
      open.set(pod.name, reading);
    }
  };
  start(found);
  if (!options.follow) {
    const all = Promise.all(open.values()).then(() => 'done' as const);
    while ((await Promise.race([all, clock.sleep(turnMs, stop)])) !== 'done') {
      stop.throwIfAborted();
      print(merge.complete(), say);
    }
    print(merge.rest(), say);
    throwFirst(failures);
    return;
  }
  for (let turn = 1; ; turn += 1) {
    await clock.sleep(turnMs, stop);
    print(merge.older(clock.now() - turnMs), say);
    stop.throwIfAborted();
    if (turn % turnsBetweenLists === 0) start(await podsOf(options, tools));
    throwFirst(failures);
  }
}

function throwFirst([first]: readonly unknown[]): void {
  if (first !== undefined) throw first as Error;
}

async function podsOf({ job, namespace, role, pool }: LogsOptions, tools: LogsTools): Promise<WorkerPod[]> {
  const { cluster, kubectlOptions, clock } = tools;
  const named = await namedJob(cluster, namespace, job, kubectlOptions);
  const objects = await cluster.list(kinds.pods, { namespace, labelSelector: ofJob(named.job) });
  return workerPods(objects, clock.now())
    .filter((pod) => (role ?? pod.role) === pod.role && (pool ?? pod.pool) === pod.pool)
    .slice(0, mostPods);
}

async function read(pod: WorkerPod, options: LogsOptions, tools: LogsTools, merge: LogMerge): Promise<void> {
  const { follow, previous, tail, sinceSeconds } = options;
  const source = merge.open(pod.name);
  try {
    const lines = tools.cluster.log({
      namespace: pod.namespace,
      pod: pod.name,
      container: workerContainer,
      follow,
      previous,
      ...(tail === undefined ? {} : { tailLines: tail }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    });
    for await (const line of lines) {
      // Back pressure: what cannot be printed yet is not read.
      while (source.add(timedLine(pod.name, line)) === 'full') await tools.clock.sleep(turnMs / 10, tools.stop);
    }
  } catch (error) {
    // Its container has not started, or was removed: the log of the others goes on.
    const status = error instanceof CliError && error.cause instanceof ApiError ? error.cause.status : null;
    if (status !== 400 && status !== 404) throw error;
  } finally {
    source.close();
  }
}

function print(lines: readonly LogLine[], say: (line: string) => void): void {
  for (const { pod, text } of lines) say(`${pod}  ${text}`);
}

function noPods({ job, namespace, role, pool }: LogsOptions): CliError {
  const of = pool === undefined ? (role ?? 'process') : `teacher of pool ${pool}`;
  return new CliError('failed', {
    about: `job ${namespace}/${job}`,
    problem: `it has no ${of} now`,
    remedy: 'see `distill status` for the reason, or wait for one with -f',
  });
}
