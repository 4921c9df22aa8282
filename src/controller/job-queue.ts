/**
 * The queue of jobs: it remembers the key of every known job, receives what changed through its `wake` port, and while it
 * runs, workers reconcile one job after the other.
 *
 * Invariants:
 *  job-queue/Q1 Nothing is reconciled before `start` and after `stop`. Keys are remembered all the same, so that a standby
 *     takes over with a complete list.
 *  job-queue/Q2 One worker at a time reconciles a job.
 *  job-queue/Q3 Whatever is remembered about a job goes when the job goes: `onForget` reports it.
 */
import type { Clock } from '@distillery/base';

import type { JobKey } from './ports.js';

import { KeyedQueue } from './keyed-queue.js';
import type { Wake } from './wake.js';

export interface JobQueueOptions {
  readonly clock: Clock;
  /** Maximum number of concurrent reconciles. */
  readonly workers: number;
  /** Least milliseconds from the start of a job's reconcile to its next, given the number of known jobs; absent = 0. */
  readonly paceMs?: (jobs: number) => number;
}

export interface JobWork {
  /** Reconciles a job. @returns milliseconds until the next time; null = only after a change; 'Gone' = nothing is left */
  readonly reconcile: (key: JobKey) => Promise<number | null | 'Gone'>;
  /** Called after every reconcile that threw. Must not throw. */
  readonly failed: (key: JobKey, error: unknown, retryMs: number) => void;
  /** Free slots changed. */
  readonly slotsChanged: () => void;
}

export class JobQueue {
  /** Tells the queue what changed. */
  readonly wake: Wake;
  readonly #options: JobQueueOptions;
  readonly #keys = new Map<string, JobKey>();
  readonly #forgetCallbacks: ((key: JobKey) => void)[] = [];
  #running: { readonly queue: KeyedQueue; readonly work: JobWork } | null = null;

  constructor(options: JobQueueOptions) {
    this.#options = options;
    this.wake = {
      job: (key) => this.#add(key),
      jobGone: (key) => this.#gone(key),
      part: (uid) => this.#again(uid),
      slots: () => this.#running?.work.slotsChanged(),
      namespace: (namespace) => this.#againIn(namespace),
      all: () => this.#all(),
    };
  }

  /** Number of known jobs. */
  get jobs(): number {
    return this.#keys.size;
  }

  /** Whether a job of this namespace is known. */
  hasJobs(namespace: string): boolean {
    for (const key of this.#keys.values()) if (key.namespace === namespace) return true;
    return false;
  }

  /** Jobs that wait for a worker; 0 while the queue does not run. */
  get depth(): number {
    return this.#running?.queue.depth ?? 0;
  }

  /** Milliseconds that the oldest of them has waited. */
  get oldestMs(): number {
    return this.#running?.queue.oldestMs ?? 0;
  }

  /** Calls back with every job that is gone and will not come again (job-queue/Q3). */
  onForget(callback: (key: JobKey) => void): void {
    this.#forgetCallbacks.push(callback);
  }

  /** Begins with a reconcile of every known job. @throws Error when the queue already runs */
  start(work: JobWork): void {
    if (this.#running !== null) throw new Error('the job queue runs already');
    const { clock, workers, paceMs } = this.#options;
    const queue: KeyedQueue = new KeyedQueue({
      clock,
      workers,
      paceMs: () => paceMs?.(this.#keys.size) ?? 0,
      work: (uid) => this.#reconcile(uid, work, queue),
      failed: (uid, error, retryMs) => {
        const key = this.#keys.get(uid);
        if (key !== undefined) work.failed(key, error, retryMs);
      },
    });
    this.#running = { queue, work };
    this.#all();
  }

  /** Starts no further reconcile; resolves when those that run have ended (job-queue/Q1). */
  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = null;
    await running?.queue.stop();
  }

  #add(key: JobKey): void {
    this.#keys.set(key.uid, key);
    this.#running?.queue.add(key.uid);
  }

  /** A running queue reconciles what is left of the job; one that does not run forgets it, since it may wait for months. */
  #gone(key: JobKey): void {
    if (this.#running === null) this.#forget(key);
    else this.#add(key);
  }

  #again(uid: string): void {
    if (this.#keys.has(uid)) this.#running?.queue.add(uid);
  }

  #againIn(namespace: string): void {
    for (const key of this.#keys.values()) if (key.namespace === namespace) this.#running?.queue.add(key.uid);
  }

  #all(): void {
    for (const uid of this.#keys.keys()) this.#running?.queue.add(uid);
  }

  async #reconcile(uid: string, { reconcile }: JobWork, queue: KeyedQueue): Promise<number | null> {
    const key = this.#keys.get(uid);
    if (key === undefined) return null;
    const next = await reconcile(key);
    if (next !== 'Gone') return next;
    queue.forget(uid);
    this.#forget(key);
    return null;
  }

  #forget(key: JobKey): void {
    this.#keys.delete(key.uid);
    for (const forget of this.#forgetCallbacks) forget(key);
  }
}
