/**
 * The sweep for streams whose job is gone without our finalizer having run: list the streams of all accounts, plan
 * (src/domain/fleet/orphans.ts), mark, remove, close accounts. docs/adr/0028.
 *
 * Invariants:
 *  sweep/W1 Only the leader sweeps. The writer checks again before each write whether it still leads.
 *  sweep/W2 Streams are listed before the jobs are read: a stream whose job is not among them was left behind.
 *  sweep/W3 Right before the removal of a job's streams the sweep asks the API server for the job, and the job list is
 *     current before and after.
 *  sweep/W4 A failure for one account or one job does not stop the others. The next round retries it, and reports it again
 *     only if the reason changed.
 */
import { type Clock, Turns } from '@distillery/base';

import type { JobKey } from './ports.js';
import { type LeftStreams, nothingMissing, type Orphan, planSweep, type StreamAccount } from '../domain/index.js';

import type { SweptStreams } from './ports.js';

export type SweepReport =
  | { readonly kind: 'removed'; readonly orphan: Orphan; readonly streams: readonly string[] }
  /** The API server knows the job, although the watch does not. */
  | { readonly kind: 'spared'; readonly orphan: Orphan }
  | { readonly kind: 'closed'; readonly namespace: string }
  | { readonly kind: 'left'; readonly left: LeftStreams }
  | { readonly kind: 'failed'; readonly doing: string; readonly error: unknown };

export interface OrphanSweepOptions {
  readonly streams: SweptStreams;
  /** All jobs that the watch knows. */
  readonly jobs: () => readonly JobKey[];
  readonly jobsAreCurrent: () => boolean;
  /** Asks the API server, not the watch. */
  readonly jobExists: (job: JobKey) => Promise<boolean>;
  /** Identifies this installation of the operator; null = not known yet. */
  readonly operator: () => Promise<string | null>;
  /** Namespaces that this operator serves; empty = all. */
  readonly namespaces: readonly string[];
  /** How long a job must be missing. */
  readonly afterMs: number;
  readonly monotonicMs: () => number;
  readonly clock: Clock;
  readonly report: (report: SweepReport) => void;
}

/** Pause between two rounds: a part of `afterMs`, within these bounds. */
const shortestPauseMs = 500;
const longestPauseMs = 60_000;
const pausesPerTime = 8;
/** Number of accounts that are listed at a time. */
const mostLists = 8;

export class OrphanSweep {
  readonly #options: OrphanSweepOptions;
  #missing = nothingMissing;
  /** Reasons of the failures in this round and in the previous one, by action (sweep/W4). */
  #failures: ReadonlyMap<string, string> = new Map();
  #failing = new Map<string, string>();

  constructor(options: OrphanSweepOptions) {
    this.#options = options;
  }

  /** Sweeps until the signal aborts; resolves soon after. */
  async run(leading: AbortSignal): Promise<void> {
    const { afterMs, clock } = this.#options;
    const pauseMs = Math.max(shortestPauseMs, Math.min(longestPauseMs, afterMs / pausesPerTime));
    while (!leading.aborted) {
      await this.round(leading);
      await clock.sleep(pauseMs, leading);
    }
  }

  /** Never throws (sweep/W4). */
  async round(leading: AbortSignal): Promise<void> {
    this.#failures = this.#failing;
    this.#failing = new Map();
    await this.#reporting('sweep for streams without a job', () => this.#sweep(leading));
  }

  async #sweep(leading: AbortSignal): Promise<void> {
    const { streams, jobs, jobsAreCurrent, namespaces, afterMs, monotonicMs, report } = this.#options;
    const isOver = (): boolean => leading.aborted;
    const operator = await this.#options.operator();
    if (operator === null) return;
    const accounts = await this.#listed();
    if (isOver()) return;
    const known = jobsAreCurrent() ? jobs() : null;
    const plan = planSweep({
      nowMs: monotonicMs(),
      afterMs,
      operator,
      namespaces,
      jobs: known,
      accounts,
      missing: this.#missing,
    });
    this.#missing = plan.missing;
    if (known !== null) report({ kind: 'left', left: plan.left });
    const steps = [
      ...plan.mark.map(({ account, stream, owner }) => ({
        doing: `mark stream ${stream}`,
        work: () => streams.mark(account, stream, owner),
      })),
      ...plan.remove.map((orphan) => ({
        doing: `remove the streams of job ${orphan.owner.namespace}/${orphan.owner.name}`,
        work: () => this.#remove(orphan),
      })),
      ...plan.close.map((namespace) => ({
        doing: `close the NATS account of namespace ${namespace}`,
        work: () => this.#close(namespace),
      })),
    ];
    for (const { doing, work } of steps) {
      if (isOver()) return;
      await this.#reporting(doing, work);
    }
  }

  async #listed(): Promise<StreamAccount[]> {
    const { streams, namespaces } = this.#options;
    const { accounts, problem } = await streams.accounts();
    if (problem !== null) this.#failed('find NATS accounts of namespaces without jobs', problem);
    const turns = new Turns(mostLists);
    const listed: StreamAccount[] = [];
    const list = async (namespace: string | null): Promise<void> => {
      const doing = namespace === null ? 'list streams' : `list streams of namespace ${namespace}`;
      await this.#reporting(doing, async () => {
        listed.push({ namespace, streams: await streams.list(namespace) });
      });
    };
    const served = accounts.filter(
      (account) => account === null || namespaces.length === 0 || namespaces.includes(account),
    );
    await Promise.all(served.map((account) => turns.run(() => list(account))));
    return listed;
  }

  /** sweep/W3. */
  async #remove(orphan: Orphan): Promise<void> {
    const { streams, jobs, jobsAreCurrent, jobExists, report } = this.#options;
    const { account, owner } = orphan;
    const isKnown = (): boolean => !jobsAreCurrent() || jobs().some(({ uid }) => uid === owner.uid);
    if (isKnown()) return;
    if (await jobExists(owner)) {
      report({ kind: 'spared', orphan });
      return;
    }
    if (isKnown()) return;
    const removed = await streams.remove(account, owner, orphan.streams);
    if (removed.length > 0) report({ kind: 'removed', orphan, streams: removed });
  }

  async #close(namespace: string): Promise<void> {
    const { streams, jobs, jobsAreCurrent, report } = this.#options;
    if (!jobsAreCurrent() || jobs().some((job) => job.namespace === namespace)) return;
    await streams.close(namespace);
    report({ kind: 'closed', namespace });
  }

  async #reporting(doing: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      this.#failed(doing, error);
    }
  }

  /** sweep/W4. */
  #failed(doing: string, error: unknown): void {
    const reason = String(error);
    this.#failing.set(doing, reason);
    if (this.#failures.get(doing) !== reason) this.#options.report({ kind: 'failed', doing, error });
  }
}
