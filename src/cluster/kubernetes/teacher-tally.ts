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

  /** @param pools of the job, in their order: what was counted before is told of the first */
  lostOf(pool: string, pools: readonly string[]): number {
    return (this.#lost.get(pool) ?? 0) + (pools[0] === pool ? this.#base : 0);
  }

  /** @param surplus true when the pool has more pods than it should: then one that goes was asked to */
  note(before: PodView | null, after: PodView | null, surplus: boolean): void {
    const pod = after ?? before;
    if (pod?.worker?.component !== 'teacher') return;
    if (!this.#counted.has(pod.uid) && before !== null && !before.terminating && !before.ended) {
      const gone = after === null || after.terminating;
      const died = after?.worker?.failed === true || after?.worker?.disrupted === true;
      if (died || (gone && !surplus)) this.#count(pod, true);
      else if ((after?.worker?.restarts ?? 0) > (before.worker?.restarts ?? 0)) this.#count(pod, false);
    }
    if (after === null) this.#counted.delete(pod.uid);
  }

  #count({ uid, worker }: PodView, forGood: boolean): void {
    const pool = worker?.pool ?? '';
    this.#lost.set(pool, (this.#lost.get(pool) ?? 0) + 1);
    if (forGood) this.#counted.add(uid);
  }
}
