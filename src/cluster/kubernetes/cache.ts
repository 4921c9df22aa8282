/**
 * What the adapter knows of the cluster, kept up to date by watches: the pods and objects of each job, and the ledger of
 * all slots. Reads answer from memory; a reconcile asks the API server for nothing.
 */
import type { DistillJob } from '../../api/index.js';
import { Ledger, type LedgerNode, type PodNeeds } from '../../domain/index.js';
import type { Clock } from '../../lib/clock.js';

import type { JobObjects } from './observation.js';
import { OwnedIndex } from './owned-index.js';
import { Promises, stayingIn } from './promises.js';
import { TeacherTally } from './teacher-tally.js';
import type { DeploymentView, OwnedView, PodView, StudentJobView } from './views.js';

export class ClusterCache {
  readonly deployments: OwnedIndex<DeploymentView>;
  readonly studentJobs: OwnedIndex<StudentJobView>;
  readonly serviceAccounts: OwnedIndex<OwnedView>;
  readonly networkPolicies: OwnedIndex<OwnedView>;
  readonly #ledger: Ledger;
  readonly #promises = new Promises();
  readonly #pods = new Map<string, Map<string, PodView>>();
  readonly #tallies = new Map<string, TeacherTally>();

  /** @param accelerators patterns of resource names; absent = the usual ones */
  constructor(clock: Pick<Clock, 'now'>, accelerators?: readonly string[]) {
    this.#ledger = new Ledger(accelerators);
    this.deployments = new OwnedIndex(clock, (jobUid) => this.#promise(jobUid));
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
    const jobUid = pod?.worker?.jobUid;
    if (pod === null || jobUid === undefined) return null;
    const pods = this.#pods.get(jobUid) ?? new Map<string, PodView>();
    if (after === null) pods.delete(pod.uid);
    else pods.set(pod.uid, after);
    if (pods.size === 0) this.#pods.delete(jobUid);
    else this.#pods.set(jobUid, pods);
    this.#promise(jobUid);
    this.#tallies.get(jobUid)?.note(before, after, this.#hasSurplus(jobUid, pod.worker?.pool ?? ''));
    return jobUid;
  }

  /** True when a pool has at least as many pods that stay as it should have. */
  #hasSurplus(jobUid: string, pool: string): boolean {
    const { deployments, pods } = this.objectsOf(jobUid);
    const wanted = deployments
      .filter((deployment) => deployment.pool === pool && !deployment.deleting)
      .reduce((sum, { replicas }) => sum + replicas, 0);
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

  /** How many more pods with these needs the cluster would hold for a job, what was promised to others taken off. */
  room(jobUid: string, needs: PodNeeds, most: number): number {
    const promised = this.#promises.besides(jobUid, (requests) => this.#ledger.couldHold(requests));
    const taken = Object.entries(needs.requests)
      .filter(([, amount]) => amount > 0)
      .map(([resource, amount]) => Math.ceil((promised[resource] ?? 0) / amount));
    const given = Math.max(0, ...taken);
    return Math.max(0, this.#ledger.room(needs, most + given) - given);
  }

  #promise(jobUid: string): void {
    const { deployments, pods } = this.objectsOf(jobUid);
    this.#promises.set(jobUid, deployments, pods);
  }
}
