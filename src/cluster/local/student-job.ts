/**
 * Runs the student to its end: what a batch/v1 Job with a podFailurePolicy does in a cluster. Errors are charged to
 * backoffLimit, disruptions (signals) never are; exit code 65 says that no other attempt would fare better.
 */
import type { StudentObservation } from '../../domain/index.js';
import type { Clock } from '../../lib/clock.js';

import type { Child, ChildEnd } from './child.js';

export interface StudentJobOptions {
  readonly start: (podName: string) => Child;
  readonly changed: () => void;
  readonly clock: Clock;
  readonly graceMs: number;
}

/** Exit codes of docs/protocol.md that mean something here. */
const terminalExit = 65;
const stoppedExit = 143;
/** Unreachable stream, fenced: not the student's fault. */
const blamelessExits: readonly number[] = [69, 75, stoppedExit];

const firstWaitMs = 500;
const longestWaitMs = 60_000;

export class StudentJob {
  readonly #options: StudentJobOptions;
  #child: Child | null = null;
  #wanted: 'Run' | 'Stop' = 'Stop';
  #backoffLimit = 0;
  #startedAtMs = 0;
  #endedSeconds = 0;
  #observation: StudentObservation = { phase: 'Absent', starts: 0, failures: 0, disruptions: 0, lastError: null };

  constructor(options: StudentJobOptions) {
    this.#options = options;
  }

  observe(): StudentObservation {
    return this.#observation;
  }

  /** Seconds that processes have lived, added up. */
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
    if (wanted === 'Stop') this.#child?.stop(this.#options.graceMs);
    else if (this.#child === null && this.#observation.phase === 'Absent') this.#startOne();
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
      this.#set({ starts, phase: 'BackingOff' });
      this.#ended({
        ended: { exitCode: null, message: error instanceof Error ? error.message : String(error) },
        signal: null,
      });
      return;
    }
    this.#child = child;
    this.#startedAtMs = this.#options.clock.now();
    this.#set({ phase: 'Running', starts });
    void child.end.then((end) => {
      this.#endedSeconds = this.slotSeconds();
      this.#child = null;
      this.#ended(end);
    });
  }

  #ended({ ended, signal }: ChildEnd): void {
    const { failures, disruptions } = this.#observation;
    if (ended.exitCode === 0) {
      this.#set({ phase: 'Succeeded' });
    } else if (this.#wanted === 'Stop') {
      this.#set({ phase: 'Absent' });
    } else if (ended.exitCode === terminalExit) {
      this.#set({ phase: 'Failed', failures: failures + 1, lastError: ended });
    } else if (signal !== null || ended.exitCode === stoppedExit) {
      this.#set({ phase: 'BackingOff', disruptions: disruptions + 1 });
      this.#retryAfter(0);
    } else if (ended.exitCode !== null && blamelessExits.includes(ended.exitCode)) {
      this.#set({ phase: 'BackingOff', disruptions: disruptions + 1, lastError: ended });
      this.#retryAfter(firstWaitMs);
    } else if (failures >= this.#backoffLimit) {
      this.#set({ phase: 'Failed', failures: failures + 1, lastError: ended });
    } else {
      this.#set({ phase: 'BackingOff', failures: failures + 1, lastError: ended });
      this.#retryAfter(Math.min(longestWaitMs, firstWaitMs * 2 ** failures));
    }
  }

  #retryAfter(waitMs: number): void {
    void this.#options.clock.sleep(waitMs).then(() => {
      if (this.#observation.phase !== 'BackingOff') return;
      if (this.#wanted === 'Run') this.#startOne();
      else this.#set({ phase: 'Absent' });
    });
  }

  #set(change: Partial<StudentObservation>): void {
    this.#observation = { ...this.#observation, ...change };
    this.#options.changed();
  }
}
