/**
 * Counts the teachers of one job that were lost: nobody else does, since a Deployment only replaces them. Each change of a
 * pod is judged once, when the watch brings it.
 */
import type { PodView } from './views.js';

export class TeacherTally {
  readonly #base: number;
  readonly #lost = new Map<string, number>();
  /** Pods that were counted as lost and are still there. */
  readonly #counted = new Set<string>();

  /** @param base what the job's status says from before this operator's time */
  constructor(base: number) {
    this.#base = base;
  }

  /** @param pools of the job, in their order: what was counted before, or of pools that are gone, is told of the first */
  lostOf(pool: string, pools: readonly string[]): number {
    const own = this.#lost.get(pool) ?? 0;
    if (pools[0] !== pool) return own;
    const ofOthers = [...this.#lost].filter(([name]) => !pools.includes(name));
    return ofOthers.reduce((sum, [, lost]) => sum + lost, this.#base + own);
  }

  /** @param asked true when the pool's Deployment asks pods to go: to be replaced, or since there are more than there should */
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

/** One that was on its way out already was counted by whoever looked then, or was asked to go. */
function wasWell({ terminating, ended, worker }: PodView): boolean {
  return !terminating && !ended && worker?.disrupted !== true;
}
