/**
 * The loop of the operator: whatever changes of a job (itself, its pods, its streams, a node) puts its key into the queue,
 * and while this process leads, workers reconcile one key after the other.
 *
 * Invariants:
 *  operator/Q1 Nothing is decided and nothing is done by a process that does not lead; caches are warm all the same.
 *  operator/Q2 A job is worked on by one worker at a time.
 *  operator/Q3 What is remembered of a job goes with it.
 */
import type { Clock } from '@distillery/base';

import type { JobKey } from './ports.js';

import { KeyedQueue } from './queue.js';

export interface OperatorOptions {
  /** One look at a job. @returns milliseconds until the next; null = only when something changes; 'Gone' = the job is */
  readonly work: (key: JobKey) => Promise<number | null | 'Gone'>;
  readonly failed: (key: JobKey, error: unknown, retryMs: number) => void;
  /** The job is gone and will not be asked for again. */
  readonly forget: (key: JobKey) => void;
  readonly clock: Clock;
  readonly workers: number;
}

/** Telemetry comes twice a second from every worker; a job is looked at no more often than this. */
const leastPaceMs = 250;
/** Looks a second over all jobs that one process shall have to do at most because of telemetry. */
const looksPerSecond = 200;

export class Operator {
  readonly #options: OperatorOptions;
  readonly #keys = new Map<string, JobKey>();
  #queue: KeyedQueue | null = null;

  constructor(options: OperatorOptions) {
    this.#options = options;
  }

  /** Jobs that are known. */
  get jobs(): number {
    return this.#keys.size;
  }

  /** Whether a job of this namespace is known. */
  hasJobs(namespace: string): boolean {
    for (const key of this.#keys.values()) if (key.namespace === namespace) return true;
    return false;
  }

  /** Keys that wait for a worker; 0 when this process does not lead. */
  get depth(): number {
    return this.#queue?.depth ?? 0;
  }

  /** How long the first of them has waited. */
  get oldestMs(): number {
    return this.#queue?.oldestMs ?? 0;
  }

  /** The job's own object was made, changed or deleted. */
  jobChanged(key: JobKey): void {
    this.#keys.set(key.uid, key);
    this.#queue?.add(key.uid);
  }

  /**
   * The job's own object is gone. The leader reconciles what is left of it; a process that does not lead forgets it at once
   * (operator/Q3), since it may wait for months.
   */
  jobGone(key: JobKey): void {
    if (this.#queue !== null) {
      this.jobChanged(key);
      return;
    }
    this.#keys.delete(key.uid);
    this.#options.forget(key);
  }

  /** Something of a job changed; one that is not known (yet) is looked at when its object comes. */
  partChanged(uid: string): void {
    if (this.#keys.has(uid)) this.#queue?.add(uid);
  }

  /** What all jobs depend on changed: the stream's connection, the free slots. */
  everythingChanged(): void {
    for (const uid of this.#keys.keys()) this.#queue?.add(uid);
  }

  /** What all jobs of a namespace depend on changed. */
  namespaceChanged(namespace: string): void {
    for (const key of this.#keys.values()) if (key.namespace === namespace) this.#queue?.add(key.uid);
  }

  /** Works until the signal aborts; resolves when the last look has ended (operator/Q1). */
  async lead(leading: AbortSignal): Promise<void> {
    const { clock, workers } = this.#options;
    const queue: KeyedQueue = new KeyedQueue({
      clock,
      workers,
      paceMs: () => Math.max(leastPaceMs, (this.#keys.size * 1_000) / looksPerSecond),
      work: (uid) => this.#work(uid, queue),
      failed: (uid, error, retryMs) => {
        const key = this.#keys.get(uid);
        if (key !== undefined) this.#options.failed(key, error, retryMs);
      },
    });
    this.#queue = queue;
    this.everythingChanged();
    await new Promise<void>((resolve) => {
      if (leading.aborted) resolve();
      else leading.addEventListener('abort', () => resolve(), { once: true });
    });
    this.#queue = null;
    await queue.stop();
  }

  async #work(uid: string, queue: KeyedQueue): Promise<number | null> {
    const key = this.#keys.get(uid);
    if (key === undefined) return null;
    const again = await this.#options.work(key);
    if (again !== 'Gone') return again;
    this.#keys.delete(uid);
    queue.forget(uid);
    this.#options.forget(key);
    return null;
  }
}
