/** `distill logs`: what a job's processes log, merged by time. */
import type { Clock } from '@distillery/base';

import { workerContainer } from '../../api/index.js';
import { ApiError, kinds } from '../../cluster/kubernetes/index.js';

import { CliError } from '../shared/cli-error.js';

import type { ClusterReader } from './cluster-reader.js';
import { LogMerge, type LogLine, timedLine } from './log-merge.js';
import { namedJob, noPool, ofJob } from './named-job.js';
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

/** Requests in a row that may fail, with two seconds between them, before -f gives up. */
const mostFailures = 15;

/** Ends by itself, also with -f when the job is over. @throws CliError; the reason of the stop that ends it */
export async function logs(options: LogsOptions, tools: LogsTools): Promise<void> {
  const { clock, stop, say } = tools;
  const merge = new LogMerge();
  const found = await podsOf(options, tools);
  if (found.pods.length === 0 && (!options.follow || found.isOver)) throw noPods(options);
  const readers = new PodLogs(options, tools, merge);
  readers.start(found.pods);
  if (options.follow) {
    await follow(readers, merge, options, tools);
    return;
  }
  while ((await Promise.race([readers.ended(), clock.sleep(turnMs, stop)])) !== 'ended') {
    stop.throwIfAborted();
    print(merge.complete(), say);
  }
  print(merge.rest(), say);
  readers.throwFirst();
  if (!readers.hasAny) throw notStarted(options);
}

async function follow(readers: PodLogs, merge: LogMerge, options: LogsOptions, tools: LogsTools): Promise<void> {
  const { clock, stop, say } = tools;
  let failedLists = 0;
  for (let turn = 1; ; turn += 1) {
    await clock.sleep(turnMs, stop);
    print(merge.older(clock.now() - turnMs), say);
    stop.throwIfAborted();
    readers.throwFirst();
    if (turn % turnsBetweenLists !== 0) continue;
    try {
      const { pods, isOver } = await podsOf(options, tools);
      failedLists = 0;
      readers.start(pods, !isOver);
      if (!isOver || readers.isReading) continue;
      print(merge.rest(), say);
      return;
    } catch (error) {
      failedLists += 1;
      // An API server that is away for a moment does not end it; a job that is gone does.
      if (isPassing(error) && failedLists < mostFailures) continue;
      if (!stop.aborted) print(merge.rest(), say);
      throw error;
    }
  }
}

interface OpenLog {
  isReading: boolean;
  /** Of the last line that came; empty = none did. */
  latest: string;
  /** Times in a row that it could not be read. */
  failed: number;
}

/** The logs of a job's pods: each is read once, and with -f again when its container starts later or again. */
class PodLogs {
  readonly #options: LogsOptions;
  readonly #tools: LogsTools;
  readonly #merge: LogMerge;
  readonly #logs = new Map<string, OpenLog>();
  readonly #reading = new Set<Promise<void>>();
  readonly #failures: unknown[] = [];
  /** Whether a container has had a log at all. */
  hasAny = false;

  constructor(options: LogsOptions, tools: LogsTools, merge: LogMerge) {
    this.#options = options;
    this.#tools = tools;
    this.#merge = merge;
  }

  get isReading(): boolean {
    return this.#reading.size > 0;
  }

  async ended(): Promise<'ended'> {
    await Promise.all(this.#reading);
    return 'ended';
  }

  throwFirst(): void {
    const [first] = this.#failures;
    if (first !== undefined) throw first as Error;
  }

  /** @param again whether containers may start again */
  start(pods: readonly WorkerPod[], again = true): void {
    for (const pod of pods) {
      const earlier = this.#logs.get(pod.name);
      const isOver = !again || pod.state === 'Succeeded' || pod.state === 'Failed';
      // A pod without a node has no log yet.
      if (pod.node === null || earlier?.isReading === true) continue;
      if (earlier !== undefined && ((isOver && earlier.latest !== '') || this.#options.previous)) continue;
      const log: OpenLog = earlier ?? { isReading: true, latest: '', failed: 0 };
      log.isReading = true;
      this.#logs.set(pod.name, log);
      const reading = this.#read(pod, log)
        .catch((error: unknown) => void this.#failures.push(error))
        .finally(() => {
          log.isReading = false;
          this.#reading.delete(reading);
        });
      this.#reading.add(reading);
    }
  }

  async #read(pod: WorkerPod, log: OpenLog): Promise<void> {
    const { follow, previous, tail, sinceSeconds } = this.#options;
    const { cluster, clock, stop } = this.#tools;
    const source = this.#merge.open();
    const first = {
      ...(tail === undefined ? {} : { tailLines: tail }),
      ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    };
    const from = log.latest;
    try {
      const lines = cluster.log({
        namespace: pod.namespace,
        pod: pod.name,
        container: workerContainer,
        follow,
        previous,
        ...(from === '' ? first : { sinceTime: from }),
      });
      for await (const text of lines) {
        const line = timedLine(pod.name, text);
        this.hasAny = true;
        log.failed = 0;
        // A log that is read again begins with what was read.
        if (from !== '' && line.time <= from) continue;
        log.latest = line.time > log.latest ? line.time : log.latest;
        // Back pressure: what cannot be printed yet is not read.
        while (source.add(line) === 'full') await clock.sleep(turnMs / 10, stop);
      }
      this.hasAny = true;
    } catch (error) {
      // Its container has not started, or was removed: the log of the others goes on.
      const status = error instanceof CliError && error.cause instanceof ApiError ? error.cause.status : null;
      log.failed += 1;
      const again = follow && isPassing(error) && log.failed < mostFailures;
      if (status !== 400 && status !== 404 && !again) throw error;
    } finally {
      source.close();
    }
  }
}

function isPassing(error: unknown): boolean {
  return error instanceof CliError && error.retry === 'Later';
}

interface FoundPods {
  readonly pods: readonly WorkerPod[];
  /** Whether the job has ended, and starts no further process. */
  readonly isOver: boolean;
}

async function podsOf({ job, namespace, role, pool }: LogsOptions, tools: LogsTools): Promise<FoundPods> {
  const { cluster, kubectlOptions, clock } = tools;
  const named = await namedJob(cluster, namespace, job, kubectlOptions);
  const objects = await cluster.list(kinds.pods, { namespace, labelSelector: ofJob(named.job) });
  const pools = named.job.spec.teacher.pools.map(({ name }) => name);
  if (pool !== undefined && !pools.includes(pool)) throw noPool(named, pool);
  const { phase } = named.job.status ?? {};
  const pods = workerPods(objects, clock.now())
    .filter((pod) => (role ?? pod.role) === pod.role && (pool ?? pod.pool) === pod.pool)
    .slice(0, mostPods);
  return { pods, isOver: phase === 'Succeeded' || phase === 'Failed' };
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

function notStarted({ job, namespace }: LogsOptions): CliError {
  return new CliError('failed', {
    about: `job ${namespace}/${job}`,
    problem: 'none of its processes has started yet',
    remedy: 'see `distill status` for the reason, or wait for one with -f',
  });
}
