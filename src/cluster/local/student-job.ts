/**
 * Runs the student to its end, like a batch/v1 Job with a podFailurePolicy in a cluster.
 *
 * Invariants:
 *  student-job/J1 At most one process at a time; none is started while the job is not wanted.
 *  student-job/J2 Errors are charged to backoffLimit. Disruptions (killed, evicted, stream unreachable) and requested
 *     stops are not. Exit code 65 means that another attempt would fail as well: the job has failed.
 *  student-job/J3 A drained job holds no process and no timer.
 */
import type { Clock } from '@distillery/base';
import { chargeOf, workerExitCodes } from '@distillery/protocol';

import type { EndedProcess, StudentObservation } from '../../domain/index.js';

import { type Child, type ChildEnd, endedFromOutside } from './child.js';

export interface StudentJobOptions {
  readonly start: (podName: string) => Child;
  readonly changed: () => void;
  readonly clock: Clock;
  readonly graceMs: number;
}

/** Unlike Kubernetes, this adapter counts disruptions. */
type Observation = StudentObservation & { readonly disruptions: number };

/** As in a cluster, except for a full disk: another attempt on this machine meets the same disk, so it is charged. */
function isBlameless(exitCode: number): boolean {
  return exitCode !== workerExitCodes.storage && chargeOf(exitCode) === 'blameless';
}

const firstWaitMs = 500;
const longestWaitMs = 60_000;
/** If a student is killed sooner than this after its start, the next one waits, so that there is no busy loop. */
const provenMs = 1_000;

export class StudentJob {
  readonly #options: StudentJobOptions;
  #child: Child | null = null;
  #wanted: 'Run' | 'Stop' = 'Stop';
  /** The running process was asked to stop. */
  #asked = false;
  #backoffLimit = 0;
  #startedAtMs = 0;
  #endedSeconds = 0;
  /** Aborts the wait before the next attempt; null = no wait. */
  #retry: AbortController | null = null;
  #observation: Observation = { phase: 'Absent', starts: 0, failures: 0, disruptions: 0, lastError: null };

  constructor(options: StudentJobOptions) {
    this.#options = options;
  }

  observe(): Observation {
    return this.#observation;
  }

  /** Total lifetime of all processes, in seconds. */
  slotSeconds(): number {
    if (this.#child === null) return this.#endedSeconds;
    return this.#endedSeconds + (this.#options.clock.now() - this.#startedAtMs) / 1_000;
  }

  pid(): number | null {
    return this.#child?.pid ?? null;
  }

  want(wanted: 'Run' | 'Stop', backoffLimit: number): void {
    this.#wanted = wanted;
    this.#backoffLimit = backoffLimit;
    if (wanted === 'Run') {
      if (this.#child === null && this.#observation.phase === 'Absent') this.#startOne();
      return;
    }
    if (this.#child !== null) {
      this.#asked = true;
      this.#child.stop(this.#options.graceMs);
    } else if (this.#retry !== null) {
      this.#retry.abort();
      this.#retry = null;
      this.#set({ phase: 'Absent' });
    }
  }

  /** Resolves when the process is gone. */
  async drain(): Promise<void> {
    this.want('Stop', this.#backoffLimit);
    await this.#child?.end;
  }

  #startOne(): void {
    const starts = this.#observation.starts + 1;
    let child: Child;
    try {
      child = this.#options.start(`student-${starts}`);
    } catch (error) {
      this.#set({ starts });
      this.#charge({ exitCode: null, message: error instanceof Error ? error.message : String(error) });
      return;
    }
    this.#child = child;
    this.#asked = false;
    this.#startedAtMs = this.#options.clock.now();
    this.#set({ phase: 'Running', starts });
    void child.end.then((end) => {
      const livedMs = this.#options.clock.now() - this.#startedAtMs;
      this.#endedSeconds = this.slotSeconds();
      this.#child = null;
      this.#ended(end, livedMs);
    });
  }

  #ended(end: ChildEnd, livedMs: number): void {
    const { ended } = end;
    const { failures } = this.#observation;
    const disruptions = this.#observation.disruptions + 1;
    if (ended.exitCode === 0) {
      this.#set({ phase: 'Succeeded' });
    } else if (this.#asked) {
      this.#set({ phase: 'Absent' });
      this.want(this.#wanted, this.#backoffLimit);
    } else if (ended.exitCode !== null && chargeOf(ended.exitCode) === 'fatal') {
      this.#set({ phase: 'Failed', failures: failures + 1, lastError: ended });
    } else if (endedFromOutside(end)) {
      this.#set({ phase: 'BackingOff', disruptions, lastError: null });
      this.#retryAfter(livedMs < provenMs ? firstWaitMs : 0);
    } else if (ended.exitCode !== null && isBlameless(ended.exitCode)) {
      this.#set({ phase: 'BackingOff', disruptions, lastError: ended });
      this.#retryAfter(firstWaitMs);
    } else {
      this.#charge(ended);
    }
  }

  #charge(ended: EndedProcess): void {
    const { failures } = this.#observation;
    const exceeded = failures >= this.#backoffLimit;
    this.#set({ phase: exceeded ? 'Failed' : 'BackingOff', failures: failures + 1, lastError: ended });
    if (!exceeded) this.#retryAfter(Math.min(longestWaitMs, firstWaitMs * 2 ** failures));
  }

  #retryAfter(waitMs: number): void {
    const retry = new AbortController();
    this.#retry = retry;
    void this.#options.clock.sleep(waitMs, retry.signal).then(() => {
      if (retry.signal.aborted) return;
      this.#retry = null;
      this.#startOne();
    });
  }

  #set(change: Partial<Observation>): void {
    this.#observation = { ...this.#observation, ...change };
    this.#options.changed();
  }
}
