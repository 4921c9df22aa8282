/**
 * Counts the lost teachers of one job. No object of Kubernetes counts them: a Deployment only replaces them. Each
 * change of a pod is judged once, when the watch delivers it.
 */
import type { PodView } from './pod-view.js';

export class TeacherTally {
  readonly #base: number;
  readonly #lost = new Map<string, number>();
  /** Pods that were counted as lost and still exist. */
  readonly #counted = new Set<string>();

  /** @param base the count in the job's status when this operator started */
  constructor(base: number) {
    this.#base = base;
  }

  /** @param pools of the job, in order: the base, and losses of pools that no longer exist, count for the first one */
  lostOf(pool: string, pools: readonly string[]): number {
    const own = this.#lost.get(pool) ?? 0;
    if (pools[0] !== pool) return own;
    const ofOthers = [...this.#lost].filter(([name]) => !pools.includes(name));
    return ofOthers.reduce((sum, [, lost]) => sum + lost, this.#base + own);
  }

  /** @param asked true when the pool's Deployment removes pods itself: it replaces them, or has more than it wants */
  note(before: PodView | null, after: PodView | null, asked: boolean): void {
    const pod = after ?? before;
    if (pod?.worker?.component !== 'teacher') return;
    if (before !== null && wasWell(before) && !this.#counted.has(pod.uid)) {
      const gone = after === null || after.terminating;
      const died = after?.worker?.failed === true || after?.worker?.disrupted === true;
      const restarts = (after?.worker?.restarts ?? 0) - (before.worker?.restarts ?? 0);
      if (died || (gone && !asked)) this.#countForGood(pod);
      else if (restarts > 0) this.#count(pod, restarts);
    }
    if (after === null) this.#counted.delete(pod.uid);
  }

  #countForGood(pod: PodView): void {
    this.#count(pod, 1);
    this.#counted.add(pod.uid);
  }

  #count({ worker }: PodView, lost: number): void {
    const pool = worker?.pool ?? '';
    this.#lost.set(pool, (this.#lost.get(pool) ?? 0) + lost);
  }
}

/** A pod that was already stopping was counted before, or was asked to stop. */
function wasWell({ terminating, ended, worker }: PodView): boolean {
  return !terminating && !ended && worker?.disrupted !== true;
}
