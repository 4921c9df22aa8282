/**
 * Keeps the history of every job in its streams while the job lasts, for its report (docs/adr/0060). The process that leads
 * collects what happens and adds it to the stored history from time to time.
 *
 * Invariants:
 *  job-histories/1 A history never fails a reconcile: `decided` only collects, and what cannot be stored waits.
 *  job-histories/2 Bounded: what waits of a job is coarsened, and all jobs together store a few times a second.
 *  job-histories/3 The stored history is read before each write and replaced only if it is still the same, so that an
 *     operator that was replaced and one that follows it lose nothing of each other.
 */
import { type Clock, Turns } from '@distillery/base';

import type { JobKey } from '../controller/index.js';
import type { Plan, Snapshot } from '../domain/index.js';
import {
  bounded,
  changesOf,
  continued,
  eventLine,
  firstIntervalMs,
  fitting,
  type HistoryLimits,
  type HistoryLine,
  historyText,
  isDue,
  type LineOf,
  newHistory,
  phaseChange,
  readHistory,
  restingPhases,
  sameTelemetry,
  sampleOf,
} from '../history/index.js';
import { StreamError } from '../stream/index.js';

type JobRef = Pick<JobKey, 'namespace' | 'uid'>;

export interface HistoryStore {
  /** `revision` 0 = none was stored. @throws StreamError */
  readHistory(job: JobRef): Promise<{ readonly text: string; readonly revision: number }>;
  /** @returns moved when the stored one has another revision @throws StreamError */
  writeHistory(job: JobRef, text: string, revision: number): Promise<'stored' | 'moved'>;
}

export interface JobHistoriesOptions {
  readonly store: HistoryStore;
  readonly clock: Clock;
  /** A history could not be stored; once until it can. */
  readonly failed: (key: JobKey, error: unknown) => void;
}

/** What is stored. The text stays below the largest value of STATE, whatever it compresses to. */
const storedLimits: HistoryLimits = { samples: 512, changes: 256, events: 128, others: 32 };
const largestText = 448 * 1024;
/** What may wait of one job. */
const waitingLimits: HistoryLimits = { samples: 128, changes: 64, events: 64, others: 16 };

const checkEveryMs = 1_000;
const leastEveryMs = 10_000;
const mostEveryMs = 600_000;
/** Stores a second over all jobs are at most its inverse. */
const perJobMs = 200;
/** A store after so many samples. */
const samplesAtOnce = 8;
const storesAtOnce = 4;
const attempts = 3;

interface OpenJob {
  readonly key: JobKey;
  /** What is known of the job: its last phase, the latest state of each pool, runtimes. */
  known: readonly HistoryLine[];
  lastSample: LineOf<'sample'> | null;
  /** What is not stored yet. */
  waiting: readonly HistoryLine[];
  /** Of the stored history. */
  intervalMs: number;
  dueAtMs: number | null;
  failures: number;
}

export class JobHistories {
  readonly #options: JobHistoriesOptions;
  readonly #jobs = new Map<string, OpenJob>();
  readonly #turns = new Turns(storesAtOnce);

  constructor(options: JobHistoriesOptions) {
    this.#options = options;
  }

  /** A decision was carried out. */
  decided(key: JobKey, snapshot: Snapshot, plan: Plan): void {
    if (snapshot.job.metadata.deletionTimestamp !== undefined) {
      this.forget(key.uid);
      return;
    }
    const job = this.#jobs.get(key.uid) ?? opened(key);
    this.#jobs.set(key.uid, job);
    const lines = happened(job, snapshot, plan);
    if (lines.length === 0) return;
    job.waiting = few(key, [...job.waiting, ...lines]);
    const isResting = lines.some((line) => line.kind === 'phase' && restingPhases.has(line.phase));
    const now = this.#now();
    job.dueAtMs = isResting ? now : (job.dueAtMs ?? now + this.#everyMs(job));
  }

  /** The job is gone, or another process works on it. */
  forget(uid: string): void {
    this.#jobs.delete(uid);
  }

  /** Stores what is due until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await this.#options.clock.sleep(checkEveryMs, signal);
      if (signal.aborted) return;
      await this.#storeAll(({ dueAtMs }) => dueAtMs !== null && dueAtMs <= this.#now());
    }
  }

  /** Stores what waits, for at most this long. */
  async flush(withinMs: number): Promise<void> {
    const over = new AbortController();
    const stored = this.#storeAll(({ waiting }) => waiting.length > 0).finally(() => over.abort());
    await Promise.race([stored, this.#options.clock.sleep(withinMs, over.signal)]);
  }

  #now(): number {
    return this.#options.clock.now();
  }

  /** Rarer the longer the job runs and the more jobs there are; rarer after each failure. */
  #everyMs({ intervalMs, failures }: OpenJob): number {
    const usual = Math.max(leastEveryMs, samplesAtOnce * intervalMs, this.#jobs.size * perJobMs);
    return Math.min(mostEveryMs, usual * 2 ** Math.min(failures, 10));
  }

  async #storeAll(isDue: (job: OpenJob) => boolean): Promise<void> {
    const due = [...this.#jobs.values()].filter(isDue);
    await Promise.all(due.map((job) => this.#turns.run(() => this.#store(job))));
  }

  async #store(job: OpenJob): Promise<void> {
    const taken = job.waiting;
    job.waiting = [];
    job.dueAtMs = null;
    try {
      job.intervalMs = await this.#added(job, taken);
      job.failures = 0;
    } catch (error) {
      this.#notStored(job, taken, error);
    }
    if (job.waiting.length > 0) job.dueAtMs ??= this.#now() + this.#everyMs(job);
  }

  #notStored(job: OpenJob, taken: readonly HistoryLine[], error: unknown): void {
    // Streams that are gone come back empty or not at all, and a process that does not lead must not write.
    if (error instanceof StreamError && (error.reason === 'missing' || error.reason === 'notLeading')) return;
    job.waiting = few(job.key, [...taken, ...job.waiting]);
    job.failures += 1;
    job.dueAtMs = null;
    if (job.failures === 1) this.#options.failed(job.key, error);
  }

  /** @returns the interval of samples of the stored history @throws StreamError */
  async #added({ key, known }: OpenJob, news: readonly HistoryLine[]): Promise<number> {
    const { store } = this.#options;
    for (let attempt = 1; ; attempt += 1) {
      const { text, revision } = await store.readHistory(key);
      const stored = readHistory(text, key.uid);
      // A history that was lost begins with the state that is known.
      const base =
        stored ??
        continued(
          newHistory(key),
          [...known].sort((a, b) => a.t - b.t),
        );
      const history = fitting(bounded(continued(base, news), storedLimits), storedLimits, largestText);
      const answer = await store.writeHistory(key, historyText(history), revision);
      if (answer === 'stored') return history.head.intervalMs;
      if (attempt === attempts) {
        throw new StreamError('unreachable', {
          about: `store the history of job ${key.namespace}/${key.name}`,
          problem: 'another process writes it at the same time',
          remedy: '',
        });
      }
    }
  }
}

function opened(key: JobKey): OpenJob {
  return {
    key,
    known: [],
    lastSample: null,
    waiting: [],
    intervalMs: firstIntervalMs,
    dueAtMs: null,
    failures: 0,
  };
}

/** What one decision adds; remembers it. */
function happened(job: OpenJob, snapshot: Snapshot, plan: Plan): readonly HistoryLine[] {
  const t = snapshot.nowMs;
  const phase = phaseChange(plan, job.known, t);
  const changes = [...changesOf(snapshot, plan, job.known, t), ...(phase === null ? [] : [phase])];
  if (changes.length > 0) job.known = few(job.key, [...job.known, ...changes]);
  const step = job.lastSample?.step ?? 0;
  const events = plan.events.map((event) => eventLine(event, step, t));
  return [...changes, ...events, ...sampled(job, snapshot, plan, phase !== null)];
}

/** The time of the same telemetry shifts a little from reading to reading. */
const leastBetweenMs = 500;

function sampled(
  job: OpenJob,
  snapshot: Snapshot,
  { status: { phase } }: Plan,
  isNewPhase: boolean,
): readonly LineOf<'sample'>[] {
  const { streams } = snapshot;
  const isResting = phase !== undefined && restingPhases.has(phase);
  if ((isResting && !isNewPhase) || streams.state !== 'Present' || streams.student === null) return [];
  const sample = sampleOf(snapshot, streams.student.updatedAtMs);
  const last = job.lastSample;
  if (sample === null) return [];
  // The last sample may come at any time after the one before it. Telemetry that stays after its student is gone is none.
  const isNews = isResting
    ? !sameTelemetry(last, sample)
    : last === null || (sample.t >= last.t + leastBetweenMs && isDue([last], job.intervalMs, sample.t));
  if (!isNews) return [];
  job.lastSample = sample;
  return [isResting ? { ...sample, isLast: true } : sample];
}

function few(key: JobKey, lines: readonly HistoryLine[]): readonly HistoryLine[] {
  return bounded({ ...newHistory(key), lines }, waitingLimits).lines;
}
