/**
 * What the operator knows of the cluster, kept up to date by watches: the pods and objects of each job, and the ledger of
 * all slots. Reads answer from memory; a reconcile sends no request to observe.
 *
 * Invariant: a pod counts as a teacher or a student of a job only while that job is known under the namespace, name and
 * uid in the pod's labels (ownership.ts). Every other pod is a pod of others, whatever its labels say.
 */
import type { Clock } from '@distillery/base';

import { type DistillJob, studentName, type TeacherPool } from '../../../api/index.js';
import type { JobKey } from '../../../controller/index.js';
import { type Amounts, type ClusterSlots, Ledger, type LedgerNode, type PodNeeds } from '../../../domain/index.js';
import { claimsOf, podNeeds } from '../../../render/index.js';

import { AutoscalerIndex } from './autoscalers.js';
import { slotsOf } from './cluster-slots.js';
import { DeviceIndex } from './device-index.js';
import type { JobObjects } from './job-observation.js';
import { OwnedIndex } from './owned-index.js';
import { identityOf } from './ownership.js';
import { type SlotCounter, slotCounter, TeacherBook } from './teacher-book.js';
import { TeacherTally } from './teacher-tally.js';
import type { PodView } from './pod-view.js';
import type { DeploymentView, OwnedView, StudentJobView } from './views.js';
import { WorkloadIndex } from './workload-index.js';

export class ClusterCache {
  readonly deployments: OwnedIndex<DeploymentView>;
  readonly studentJobs: OwnedIndex<StudentJobView>;
  readonly serviceAccounts: OwnedIndex<OwnedView>;
  readonly networkPolicies: OwnedIndex<OwnedView>;
  readonly workloads = new WorkloadIndex();
  readonly autoscalers = new AutoscalerIndex();
  readonly devices: DeviceIndex;
  readonly #ledger: Ledger;
  readonly #slotsIn: SlotCounter;
  readonly #teachers: TeacherBook;
  readonly #needs = new SharedNeeds();
  /** Known jobs by uid, also those that are gone and not forgotten yet. */
  readonly #jobs = new Map<string, JobKey>();
  /** Uids of known jobs by namespace and name of their student's Job. */
  readonly #students = new Map<string, string>();
  /** By the job that their labels name, known or not. */
  readonly #pods = new Map<string, Map<string, PodView>>();
  /** Pods without a node, except our teachers. */
  readonly #waiting = new Map<string, PodView>();
  /** The version of the devices with which the teachers were counted. */
  #devicesSeen = 0;
  readonly #tallies = new Map<string, TeacherTally>();

  /** @param accelerators patterns of resource names; absent = the usual ones */
  constructor(clock: Pick<Clock, 'now'>, accelerators?: readonly string[]) {
    this.#ledger = new Ledger(accelerators);
    this.devices = new DeviceIndex(this.#ledger);
    this.#slotsIn = slotCounter(accelerators);
    this.#teachers = new TeacherBook(this.#slotsIn);
    this.deployments = new OwnedIndex(clock);
    this.studentJobs = new OwnedIndex(clock);
    this.serviceAccounts = new OwnedIndex(clock);
    this.networkPolicies = new OwnedIndex(clock);
  }

  objectsOf(job: JobKey): JobObjects {
    const [student = null] = this.studentJobs.of(job);
    const pods = [...(this.#pods.get(identityOf(job))?.values() ?? [])];
    return {
      deployments: this.deployments.of(job),
      student,
      // A student's pod of another Job, such as a deleted one of the same name, does not count.
      pods: pods.filter(
        ({ worker }) => worker?.component !== 'student' || student === null || worker.controllerUid === student.uid,
      ),
    };
  }

  /** What one more teacher of the pool requests of a node, claimed devices included. Pools with equal needs get the same object. */
  needsOf(namespace: string, pool: TeacherPool): PodNeeds {
    return this.#needs.of(pool, this.devices.requestsOf(namespace, claimsOf(pool)));
  }

  onNode(before: LedgerNode | null, after: LedgerNode | null): void {
    if (after !== null) this.#ledger.setNode(after);
    else if (before !== null) this.#ledger.removeNode(before.name);
  }

  /** Makes a job known: from now on its pods count for it, until it is forgotten. */
  onJob(job: JobKey): void {
    if (this.#jobs.has(job.uid)) return;
    this.#jobs.set(job.uid, job);
    this.#students.set(studentKey(job.namespace, studentName(job.name)), job.uid);
    for (const pod of this.#pods.get(identityOf(job))?.values() ?? []) {
      if (!isTeacher(pod)) continue;
      this.#waiting.delete(pod.uid);
      this.#teachers.set(job.uid, this.#withDevices(pod));
    }
  }

  /** @returns the uid of the known job whose student's Job has this name; null for none */
  jobOfStudent(namespace: string, name: string): string | null {
    return this.#students.get(studentKey(namespace, name)) ?? null;
  }

  /** Uids of all known jobs. */
  jobUids(): readonly string[] {
    return [...this.#jobs.keys()];
  }

  /** @returns the uid of the known job that the pod belongs or belonged to; null for pods of others */
  onPod(before: PodView | null, after: PodView | null): string | null {
    if (after !== null) this.#ledger.setPod(withoutServed(after));
    else if (before !== null) this.#ledger.removePod(before.uid);
    const pod = after ?? before;
    if (pod === null) return null;
    this.#keep(before, after);
    const job = this.#knownJobOf(pod);
    if (pod === after && pod.waits !== null && !(job !== null && isTeacher(pod))) this.#waiting.set(pod.uid, pod);
    else this.#waiting.delete(pod.uid);
    const formerJob = before === null ? null : this.#knownJobOf(before);
    if (formerJob !== null && formerJob !== job) this.#teachers.remove(formerJob.uid, pod.uid);
    if (job === null) return formerJob?.uid ?? null;
    if (isTeacher(pod)) {
      if (after === null) this.#teachers.remove(job.uid, pod.uid);
      else this.#teachers.set(job.uid, this.#withDevices(after));
    }
    this.#tallies.get(job.uid)?.note(before, after, this.#asksToLeave(job, pod.worker?.pool ?? ''));
    return job.uid;
  }

  /** Keeps a pod under the job that its labels name; an edit of its labels may move it to another job. */
  #keep(before: PodView | null, after: PodView | null): void {
    const [old, next] = [before, after].map((pod) => (pod === null ? null : namedJobOf(pod)));
    if (before !== null && old !== null && old !== undefined && (after === null || old !== next)) {
      const pods = this.#pods.get(old);
      pods?.delete(before.uid);
      if (pods?.size === 0) this.#pods.delete(old);
    }
    if (after === null || next === null || next === undefined) return;
    const pods = this.#pods.get(next) ?? new Map<string, PodView>();
    pods.set(after.uid, after);
    this.#pods.set(next, pods);
  }

  #knownJobOf(pod: PodView): JobKey | null {
    const job = this.#jobs.get(pod.worker?.jobUid ?? '');
    return job !== undefined && identityOf(job) === namedJobOf(pod) ? job : null;
  }

  /** True while the pool's Deployment itself removes pods: it replaces them, or has at least as many as it wants. */
  #asksToLeave(job: JobKey, pool: string): boolean {
    const { deployments, pods } = this.objectsOf(job);
    const ofPool = deployments.filter((deployment) => deployment.pool === pool && !deployment.deleting);
    if (ofPool.some(({ rolling }) => rolling)) return true;
    const wanted = ofPool.reduce((sum, { replicas }) => sum + replicas, 0);
    return stayingIn(pool, pods) >= wanted;
  }

  /** Starts to count at the first call for a job. */
  tallyOf({ metadata, status }: DistillJob): TeacherTally {
    const uid = metadata.uid ?? '';
    const known = this.#tallies.get(uid);
    if (known !== undefined) return known;
    const tally = new TeacherTally(status?.disruptions?.teacher ?? 0);
    this.#tallies.set(uid, tally);
    return tally;
  }

  /** Forgets a job that is gone with all its pods. */
  forget(jobUid: string): void {
    const job = this.#jobs.get(jobUid);
    for (const podUid of job === undefined ? [] : (this.#pods.get(identityOf(job))?.keys() ?? [])) {
      this.#teachers.remove(jobUid, podUid);
    }
    this.#tallies.delete(jobUid);
    this.#jobs.delete(jobUid);
    const student = job === undefined ? '' : studentKey(job.namespace, studentName(job.name));
    // A job of the same name may have come since.
    if (this.#students.get(student) === jobUid) this.#students.delete(student);
  }

  slots(): ClusterSlots {
    this.#countTeachersAgain();
    const waiting = Array.from(this.#waiting.values(), (pod) => this.#withDevices(pod));
    return slotsOf(this.#ledger, this.#teachers, waiting, this.#slotsIn);
  }

  /** Pods, templates and classes are listed in any order, and a template may change. */
  #countTeachersAgain(): void {
    if (this.devices.version === this.#devicesSeen) return;
    this.#devicesSeen = this.devices.version;
    for (const [uid, job] of this.#jobs) {
      for (const pod of this.#pods.get(identityOf(job))?.values() ?? []) {
        if (isTeacher(pod) && pod.claims.length > 0) this.#teachers.set(uid, this.#withDevices(pod));
      }
    }
  }

  /** The pod with the devices of its claims among its requests. The ledger counts the claims themselves, and not these. */
  #withDevices(pod: PodView): PodView {
    if (pod.claims.length === 0) return pod;
    return { ...pod, requests: { ...pod.requests, ...this.devices.requestsOf(pod.namespace, pod.claims) } };
  }
}

/** Identity of the job that the labels of a pod name; null for pods without our labels. */
function namedJobOf({ namespace, worker }: PodView): string | null {
  return worker === null ? null : identityOf({ namespace, name: worker.jobName, uid: worker.jobUid });
}

/** As the ledger counts it: what a claim serves is counted by the claim. */
function withoutServed(pod: PodView): PodView {
  if (pod.served.length === 0) return pod;
  const left = Object.entries(pod.requests).filter(([resource]) => !pod.served.includes(resource));
  return { ...pod, requests: Object.fromEntries(left) };
}

function studentKey(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

function isTeacher({ worker }: PodView): boolean {
  return worker?.component === 'teacher';
}

/** Teachers of the pool that are neither stopping nor ended. */
function stayingIn(pool: string, pods: readonly PodView[]): number {
  return pods.filter((pod) => isTeacher(pod) && pod.worker?.pool === pool && !pod.terminating && !pod.ended).length;
}

/** More kinds of pods than a cluster has; beyond it, equal needs are different objects, which only costs time. */
const mostNeeds = 10_000;

/** One object for all pools with equal needs, so that a placement recognizes it without comparing fields. */
class SharedNeeds {
  readonly #bySignature = new Map<string, PodNeeds>();
  readonly #byPool = new WeakMap<TeacherPool, PodNeeds>();

  /** @param devices claimed ones, as resources; they may change with a ResourceClaimTemplate */
  of(pool: TeacherPool, devices: Amounts): PodNeeds {
    const plain = this.#byPool.get(pool) ?? this.#shared(podNeeds(pool));
    this.#byPool.set(pool, plain);
    if (Object.keys(devices).length === 0) return plain;
    return this.#shared({ ...plain, requests: { ...plain.requests, ...devices } });
  }

  #shared(needs: PodNeeds): PodNeeds {
    const signature = JSON.stringify(needs);
    const known = this.#bySignature.get(signature);
    if (known !== undefined) return known;
    if (this.#bySignature.size >= mostNeeds) this.#bySignature.clear();
    this.#bySignature.set(signature, needs);
    return needs;
  }
}
