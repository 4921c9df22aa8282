/** Objects of one kind by the job they belong to, each in its latest known version. */
import type { Clock } from '../../lib/clock.js';

import { Latest } from './latest.js';
import type { OwnedView } from './views.js';

export class OwnedIndex<V extends OwnedView> {
  readonly #clock: Pick<Clock, 'now'>;
  readonly #jobs = new Map<string, Map<string, Latest<V>>>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  of(jobUid: string): readonly V[] {
    const nowMs = this.#clock.now();
    return [...(this.#jobs.get(jobUid)?.values() ?? [])].flatMap((latest) => latest.current(nowMs) ?? []);
  }

  /** What the watch tells. */
  told(before: V | null, after: V | null): void {
    const view = after ?? before;
    if (view === null || view.jobUid === '') return;
    if (after !== null) this.#latest(view).told(after);
    else this.#toldGone(view);
  }

  /** Whatever was answered of this object is over with it; what has its name by now is another. */
  #toldGone(gone: V): void {
    const current = this.#jobs.get(gone.jobUid)?.get(gone.name)?.current(this.#clock.now()) ?? null;
    if (current === null || current.uid === gone.uid) this.#forget(gone);
    else this.#latest(gone).told(null);
  }

  /**
   * Everything that is there was told, of one namespace or of all, as of a moment after `askedAtMs`.
   * @returns uids of the jobs of which another version counts now
   */
  listed(askedAtMs: number, namespace: string | undefined): string[] {
    const changed = new Set<string>();
    for (const [jobUid, objects] of this.#jobs) {
      for (const latest of objects.values()) {
        const answered = latest.current(this.#clock.now());
        if (namespace !== undefined && answered?.namespace !== namespace) continue;
        if (latest.listed(askedAtMs)) changed.add(jobUid);
        if (answered !== null && latest.current(this.#clock.now()) === null) this.#forget(answered);
      }
    }
    return [...changed];
  }

  /** What the API server answered to a write of ours. */
  answered(view: V): void {
    this.#latest(view).answered(view, this.#clock.now());
  }

  #latest({ jobUid, name }: V): Latest<V> {
    const objects = this.#jobs.get(jobUid) ?? new Map<string, Latest<V>>();
    this.#jobs.set(jobUid, objects);
    const latest = objects.get(name) ?? new Latest<V>();
    objects.set(name, latest);
    return latest;
  }

  #forget({ jobUid, name }: V): void {
    const objects = this.#jobs.get(jobUid);
    objects?.delete(name);
    if (objects?.size === 0) this.#jobs.delete(jobUid);
  }
}
