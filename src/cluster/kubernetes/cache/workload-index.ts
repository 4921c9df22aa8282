/** Kueue's Workloads by the object that they are for, and whether the cluster serves them. */
import type { KueueSupport } from '../../../domain/index.js';

import type { WorkloadView } from './workload-view.js';

export class WorkloadIndex {
  readonly #byOwner = new Map<string, WorkloadView>();
  #support: KueueSupport = 'Unknown';

  get support(): KueueSupport {
    return this.#support;
  }

  /** @returns true when it changed */
  supportIs(support: KueueSupport): boolean {
    const changed = this.#support !== support;
    this.#support = support;
    return changed;
  }

  /** @returns null also while the cluster does not serve Workloads: what is known of them is from before */
  of(ownerUid: string): WorkloadView | null {
    return this.#support !== 'Served' ? null : this.#known(ownerUid);
  }

  #known(ownerUid: string): WorkloadView | null {
    return this.#byOwner.get(ownerUid) ?? null;
  }

  observed(before: WorkloadView | null, after: WorkloadView | null): void {
    if (after !== null) this.#byOwner.set(after.ownerUid, after);
    else if (before !== null && this.#known(before.ownerUid)?.uid === before.uid) this.#byOwner.delete(before.ownerUid);
  }
}
