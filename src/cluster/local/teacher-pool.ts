/**
 * Keeps a wanted number of teacher processes running, like a Deployment in a cluster. Teachers that end unasked are
 * replaced.
 *
 * Invariants:
 *  teacher-pool/T1 A pool starts no process beyond the number last wanted, and none during a wait; one wait holds for
 *     all.
 *  teacher-pool/T2 A killed teacher is replaced at once, repeatedly at most once a second. A teacher that fails by
 *     itself is replaced after a wait that doubles.
 *  teacher-pool/T3 A drained pool holds no process and no timer.
 */
import type { Clock } from '@distillery/base';

import type { EndedProcess, PoolObservation } from '../../domain/index.js';

import { type Child, type ChildEnd, endedFromOutside } from './child.js';
import { oneSlot, slotResource, localNode } from './machine.js';

export interface TeacherPoolOptions {
  readonly name: string;
  readonly start: (podName: string) => Child;
  readonly changed: () => void;
  readonly clock: Clock;
  readonly graceMs: number;
}

interface Pod {
  readonly name: string;
  readonly child: Child;
  readonly startedAtMs: number;
  terminating: boolean;
}

/** After this lifetime a teacher counts as healthy, and the wait starts over. */
const provenMs = 30_000;
const firstWaitMs = 500;
const longestWaitMs = 30_000;
const killedAgainWaitMs = 1_000;

export class TeacherPool {
  readonly #options: TeacherPoolOptions;
  readonly #pods = new Set<Pod>();
  #wanted = 0;
  #started = 0;
  #disruptions = 0;
  #failuresInARow = 0;
  #killedUnproven = false;
  #lastError: EndedProcess | null = null;
  /** Aborts the wait before the next start; null = no wait. */
  #wait: AbortController | null = null;
  #endedSeconds = 0;

  constructor(options: TeacherPoolOptions) {
    this.#options = options;
  }

  /** Processes that still exist, stopping ones included: each holds its slot (I5). */
  get held(): number {
    return this.#pods.size;
  }

  observe(): PoolObservation {
    return {
      name: this.#options.name,
      needs: oneSlot,
      resource: slotResource,
      pods: [...this.#pods].map(({ name, terminating, startedAtMs }) => ({
        name,
        node: localNode,
        terminating,
        ready: true,
        createdAtMs: startedAtMs,
      })),
      unplacedSinceMs: null,
      disruptions: this.#disruptions,
      failuresInARow: this.#failuresInARow,
      lastError: this.#lastError,
    };
  }

  /** Total lifetime of all processes, in seconds. */
  slotSeconds(): number {
    const nowMs = this.#options.clock.now();
    return [...this.#pods].reduce((sum, pod) => sum + (nowMs - pod.startedAtMs) / 1_000, this.#endedSeconds);
  }

  pids(): number[] {
    return [...this.#pods].map(({ child }) => child.pid);
  }

  /** @param leave names of the teachers that stop first if there are too many */
  scaleTo(replicas: number, leave: readonly string[] = []): void {
    this.#wanted = replicas;
    this.#reconcile(leave);
  }

  /** Resolves when every process is gone. */
  async drain(): Promise<void> {
    this.scaleTo(0);
    this.#wait?.abort();
    this.#wait = null;
    await Promise.all([...this.#pods].map(({ child }) => child.end));
  }

  #reconcile(leave: readonly string[] = []): void {
    const alive = [...this.#pods].filter((pod) => !pod.terminating);
    // Otherwise the newest stop first: the older ones are warm.
    const leaving = new Set(leave);
    const staying = [
      ...alive.filter(({ name }) => !leaving.has(name)),
      ...alive.filter(({ name }) => leaving.has(name)),
    ];
    for (const pod of staying.slice(this.#wanted)) {
      pod.terminating = true;
      pod.child.stop(this.#options.graceMs);
    }
    for (let missing = this.#wanted - alive.length; missing > 0 && this.#wait === null; missing--) this.#startOne();
  }

  #startOne(): void {
    const { name, start, changed, clock } = this.#options;
    const podName = `${name}-${this.#started++}`;
    let child: Child;
    try {
      child = start(podName);
    } catch (error) {
      this.#failed({ exitCode: null, message: error instanceof Error ? error.message : String(error) });
      return;
    }
    const pod: Pod = { name: podName, child, startedAtMs: clock.now(), terminating: false };
    this.#pods.add(pod);
    void child.end.then((end) => {
      this.#pods.delete(pod);
      this.#endedSeconds += (clock.now() - pod.startedAtMs) / 1_000;
      if (!pod.terminating) {
        this.#disruptions += 1;
        this.#noteEnd(end, clock.now() - pod.startedAtMs >= provenMs);
        this.#reconcile();
      }
      changed();
    });
    changed();
  }

  #noteEnd(end: ChildEnd, proven: boolean): void {
    if (proven) {
      this.#failuresInARow = 0;
      this.#killedUnproven = false;
    }
    if (endedFromOutside(end)) {
      this.#lastError = null;
      if (this.#killedUnproven) this.#waitFor(killedAgainWaitMs);
      this.#killedUnproven = !proven;
    } else {
      this.#failed(end.ended);
    }
  }

  #failed(ended: EndedProcess): void {
    this.#lastError = ended;
    // Failures during a wait count as one.
    if (this.#wait !== null) return;
    this.#waitFor(Math.min(longestWaitMs, firstWaitMs * 2 ** this.#failuresInARow));
    this.#failuresInARow += 1;
  }

  #waitFor(ms: number): void {
    if (this.#wait !== null) return;
    const wait = new AbortController();
    this.#wait = wait;
    void this.#options.clock.sleep(ms, wait.signal).then(() => {
      if (wait.signal.aborted) return;
      this.#wait = null;
      this.#reconcile();
    });
  }
}
