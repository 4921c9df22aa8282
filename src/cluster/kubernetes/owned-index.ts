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

  *values(): Iterable<V> {
    for (const jobUid of this.#jobs.keys()) yield* this.of(jobUid);
  }

  /** What the watch tells. */
  told(before: V | null, after: V | null): void {
    const view = after ?? before;
    if (view === null || view.jobUid === '') return;
    this.#latest(view).told(after);
    if (after === null && this.#latest(view).current(this.#clock.now()) === null) this.#forget(view);
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
