/**
 * What our pods will take that are on no node yet: those that a Deployment is still to make, and those that wait to be
 * bound. No slot is given to two jobs, although neither's pod has it yet.
 *
 * Invariants:
 *  P1 What cannot be kept is not promised: pods that no node could ever hold, pods that their Deployment cannot make, and
 *     students that found no place, for which the scheduler itself takes teachers away.
 *  P2 The pods that a job has yet to get are no reason to give it fewer.
 */
import type { Amounts } from '../../domain/index.js';

import type { DeploymentView, PodView } from './views.js';

/** So many pods of a kind. */
interface Share {
  readonly requests: Amounts;
  readonly count: number;
}

interface Promised {
  readonly toMake: readonly Share[];
  readonly toBind: readonly Share[];
}

export class Promises {
  /** Of the jobs that have any: in a cluster at rest there is none. */
  readonly #jobs = new Map<string, Promised>();

  set(jobUid: string, deployments: readonly DeploymentView[], pods: readonly PodView[]): void {
    const toMake = deployments
      .filter(({ deleting, failure }) => !deleting && failure === null)
      .map(({ pool, replicas, requests }) => ({ requests, count: replicas - stayingIn(pool, pods) }))
      .filter(({ count }) => count > 0);
    const toBind = pods.filter(isPromised).map(({ requests }) => ({ requests, count: 1 }));
    if (toMake.length + toBind.length === 0) this.#jobs.delete(jobUid);
    else this.#jobs.set(jobUid, { toMake, toBind });
  }

  /**
   * What a plan for this job must leave free (P2).
   * @param couldHold whether any node has as much at all (P1)
   */
  besides(jobUid: string, couldHold: (requests: Amounts) => boolean): Amounts {
    const sum: Record<string, number> = {};
    for (const [uid, { toMake, toBind }] of this.#jobs) {
      for (const { requests, count } of uid === jobUid ? toBind : [...toMake, ...toBind]) {
        if (!couldHold(requests)) continue;
        for (const [resource, amount] of Object.entries(requests)) {
          sum[resource] = (sum[resource] ?? 0) + amount * count;
        }
      }
    }
    return sum;
  }
}

function isPromised({ node, ended, terminating, worker }: PodView): boolean {
  const waitsForPlace = worker?.component === 'student' && worker.stuck !== null;
  return node === null && !ended && !terminating && !waitsForPlace;
}

/** Teachers of the pool that nobody has asked to go. */
export function stayingIn(pool: string, pods: readonly PodView[]): number {
  return pods.filter(
    ({ worker, terminating, ended }) =>
      worker?.component === 'teacher' && worker.pool === pool && !terminating && !ended,
  ).length;
}
