/** Objects of one kind by the job that they belong to (ownership.ts), each in its latest known version. */
import type { Clock } from '@distillery/base';

import type { JobKey } from '../../../controller/index.js';

import { Latest } from './latest.js';
import { identityOf } from './ownership.js';
import type { OwnedView } from './views.js';

export class OwnedIndex<V extends OwnedView> {
  readonly #clock: Pick<Clock, 'now'>;
  /** By identity of the job and name of the object. */
  readonly #jobs = new Map<string, Map<string, Latest<V>>>();

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock;
  }

  of(job: JobKey): readonly V[] {
    const nowMs = this.#clock.now();
    return [...(this.#jobs.get(identityOf(job))?.values() ?? [])].flatMap((latest) => latest.current(nowMs) ?? []);
  }

  /** @returns the uid of the job that the object of this name belongs to; null for none */
  jobOf(namespace: string, name: string): string | null {
    for (const objects of this.#jobs.values()) {
      const view = objects.get(name)?.current(this.#clock.now());
      if (view?.namespace === namespace) return view.jobUid;
    }
    return null;
  }

  /** Takes in a change from the watch. */
  observed(before: V | null, after: V | null): void {
    if (before !== null && belongs(before) && (after === null || ownerOf(after) !== ownerOf(before))) {
      this.#observedGone(before);
    }
    if (after !== null && belongs(after)) this.#latest(after).observed(after);
  }

  /** Answers about this object end with it. An object that has its name by now is another one. */
  #observedGone(gone: V): void {
    const current = this.#jobs.get(ownerOf(gone))?.get(gone.name)?.current(this.#clock.now()) ?? null;
    if (current === null || current.uid === gone.uid) this.#forget(gone);
    else this.#latest(gone).observed(null);
  }

  /**
   * Takes in the end of a list of one namespace, or of all, that was requested at `askedAtMs`.
   * @returns uids of the jobs for which another version counts now
   */
  listed(askedAtMs: number, namespace: string | undefined): string[] {
    const changed = new Set<string>();
    for (const [job, objects] of this.#jobs) {
      for (const latest of objects.values()) {
        const answered = latest.current(this.#clock.now());
        if (namespace !== undefined && answered?.namespace !== namespace) continue;
        if (latest.listed(askedAtMs)) changed.add(job.slice(job.lastIndexOf('/') + 1));
        if (answered !== null && latest.current(this.#clock.now()) === null) this.#forget(answered);
      }
    }
    return [...changed];
  }

  /** Takes in the answer to a write of ours. */
  answered(view: V): void {
    if (belongs(view)) this.#latest(view).answered(view, this.#clock.now());
  }

  #latest(view: V): Latest<V> {
    const owner = ownerOf(view);
    const objects = this.#jobs.get(owner) ?? new Map<string, Latest<V>>();
    this.#jobs.set(owner, objects);
    const latest = objects.get(view.name) ?? new Latest<V>();
    objects.set(view.name, latest);
    return latest;
  }

  #forget(view: V): void {
    const objects = this.#jobs.get(ownerOf(view));
    objects?.delete(view.name);
    if (objects?.size === 0) this.#jobs.delete(ownerOf(view));
  }
}

function belongs({ jobUid }: OwnedView): boolean {
  return jobUid !== '';
}

function ownerOf({ namespace, jobName, jobUid }: OwnedView): string {
  return identityOf({ namespace, name: jobName, uid: jobUid });
}
