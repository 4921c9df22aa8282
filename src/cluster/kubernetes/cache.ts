/**
 * What the adapter knows of the cluster, kept up to date by watches: the pods and objects of each job, and the ledger of
 * all slots. Reads answer from memory; a reconcile asks the API server for nothing.
 */
import type { DistillJob } from '../../api/index.js';
import { Ledger, type LedgerNode, type Slots } from '../../domain/index.js';
import type { Clock } from '../../lib/clock.js';

import type { JobObjects } from './observation.js';
import { OwnedIndex } from './owned-index.js';
import { type SlotCounter, slotCounter } from './slot-counter.js';
import { slotsOf } from './slots.js';
import { TeacherBook } from './teacher-book.js';
import { TeacherTally } from './teacher-tally.js';
import type { DeploymentView, OwnedView, PodView, StudentJobView } from './views.js';

export class ClusterCache {
  readonly deployments: OwnedIndex<DeploymentView>;
  readonly studentJobs: OwnedIndex<StudentJobView>;
  readonly serviceAccounts: OwnedIndex<OwnedView>;
  readonly networkPolicies: OwnedIndex<OwnedView>;
  readonly #ledger: Ledger;
  readonly #slotsIn: SlotCounter;
  readonly #teachers: TeacherBook;
  readonly #pods = new Map<string, Map<string, PodView>>();
  /** Pods that wait for a node, our teachers aside. */
  readonly #waiting = new Map<string, PodView>();
  readonly #tallies = new Map<string, TeacherTally>();

  /** @param accelerators patterns of resource names; absent = the usual ones */
  constructor(clock: Pick<Clock, 'now'>, accelerators?: readonly string[]) {
    this.#ledger = new Ledger(accelerators);
    this.#slotsIn = slotCounter(accelerators);
    this.#teachers = new TeacherBook(this.#slotsIn);
    this.deployments = new OwnedIndex(clock);
    this.studentJobs = new OwnedIndex(clock);
    this.serviceAccounts = new OwnedIndex(clock);
    this.networkPolicies = new OwnedIndex(clock);
  }

  objectsOf(jobUid: string): JobObjects {
    const [student = null] = this.studentJobs.of(jobUid);
    return {
      deployments: this.deployments.of(jobUid),
      student,
      pods: [...(this.#pods.get(jobUid)?.values() ?? [])],
    };
  }

  toldOfNode(before: LedgerNode | null, after: LedgerNode | null): void {
    if (after !== null) this.#ledger.setNode(after);
    else if (before !== null) this.#ledger.removeNode(before.name);
  }

  /** @returns the uid of the job whose pod it is; null for pods of others */
  toldOfPod(before: PodView | null, after: PodView | null): string | null {
    if (after !== null) this.#ledger.setPod(after);
    else if (before !== null) this.#ledger.removePod(before.uid);
    const pod = after ?? before;
    if (pod === null) return null;
    if (pod === after && pod.waits !== null && !isTeacher(pod)) this.#waiting.set(pod.uid, pod);
    else this.#waiting.delete(pod.uid);
    const jobUid = pod.worker?.jobUid;
    if (jobUid === undefined) return null;
    const pods = this.#pods.get(jobUid) ?? new Map<string, PodView>();
    if (after === null) pods.delete(pod.uid);
    else pods.set(pod.uid, after);
    if (pods.size === 0) this.#pods.delete(jobUid);
    else this.#pods.set(jobUid, pods);
    if (isTeacher(pod)) {
      if (after === null) this.#teachers.remove(jobUid, pod.uid);
      else this.#teachers.set(jobUid, after);
    }
    this.#tallies.get(jobUid)?.note(before, after, this.#asks(jobUid, pod.worker?.pool ?? ''));
    return jobUid;
  }

  /** True when a pool's own Deployment asks pods to go: it replaces them, or has at least as many as it should. */
  #asks(jobUid: string, pool: string): boolean {
    const { deployments, pods } = this.objectsOf(jobUid);
    const ofPool = deployments.filter((deployment) => deployment.pool === pool && !deployment.deleting);
    if (ofPool.some(({ rolling }) => rolling)) return true;
    const wanted = ofPool.reduce((sum, { replicas }) => sum + replicas, 0);
    return stayingIn(pool, pods) >= wanted;
  }

  /** Begins to count with the first look at a job. */
  tallyOf({ metadata, status }: DistillJob): TeacherTally {
    const uid = metadata.uid ?? '';
    const known = this.#tallies.get(uid);
    if (known !== undefined) return known;
    const tally = new TeacherTally(status?.disruptions?.teacher ?? 0);
    this.#tallies.set(uid, tally);
    return tally;
  }

  forget(jobUid: string): void {
    this.#tallies.delete(jobUid);
  }

  slots(): Slots {
    return slotsOf(this.#ledger, this.#teachers, this.#waiting.values(), this.#slotsIn);
  }
}

function isTeacher({ worker }: PodView): boolean {
  return worker?.component === 'teacher';
}

/** Teachers of the pool that nobody has asked to go. */
function stayingIn(pool: string, pods: readonly PodView[]): number {
  return pods.filter((pod) => isTeacher(pod) && pod.worker?.pool === pool && !pod.terminating && !pod.ended).length;
}
