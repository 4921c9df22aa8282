/**
 * What has to be written for one job: from its plan, and from what the cache knows of its objects. Pure; the executor is
 * KubernetesCluster.
 *
 * Invariant: a student's Job that has ended is never written again.
 */
import { type NatsAccess, type WorkerRole } from '@distillery/protocol';

import { appliedAnnotation, deletionCostAnnotation, type DistillJob, templateAnnotation } from '../../../api/index.js';
import type { WorkersPlan } from '../../../controller/index.js';
import type { KueueSupport } from '../../../domain/index.js';
import {
  configMap,
  type KubernetesObject,
  networkPolicy,
  queuedStudentJob,
  secret,
  serviceAccount,
  studentJob,
  teacherDeployment,
  type WorkerSettings,
} from '../../../render/index.js';
import {
  type JobObjects,
  kinds,
  type OwnedView,
  type PodView,
  type StudentJobView,
  type WorkloadView,
} from '../cache/index.js';

/** A wanted object, and what is known of it at the API server. */
export interface Wanted {
  readonly object: KubernetesObject;
  /**
   * Hash of what is wanted, also in the object's annotation: equal to the hash of `found` when nothing has to be
   * written.
   */
  readonly applied: string;
  /** null = it does not exist. */
  readonly found: OwnedView | null;
  /** What a create sends instead of `object`: fields that others own afterwards. */
  readonly created?: KubernetesObject;
}

export interface Deletion {
  readonly kind: (typeof kinds)['deployments' | 'jobs'];
  readonly found: OwnedView;
}

export interface WorkerObjects {
  /** ConfigMap and Secret, which no watch delivers (object-writer/S3). */
  readonly inputs: readonly KubernetesObject[];
  readonly inputsHash: string;
  /** Account and policy of all pods of the job. */
  readonly shared: readonly Wanted[];
  readonly workloads: readonly Wanted[];
  /** Pods whose deletion cost changes: the plan chooses which teachers leave, not the ReplicaSet. */
  readonly costs: readonly KubernetesObject[];
  /** Deployments of pools that the job no longer has; a student's Job whose template changed. */
  readonly deletions: readonly Deletion[];
  /** Kueue's Workload of the student, to be stopped or let go. */
  readonly workload: KubernetesObject | null;
  /** A Job in a queue that must stop although there is no Kueue to stop it. */
  readonly suspend: StudentJobView | null;
}

export interface FoundObjects extends JobObjects {
  readonly kueue: KueueSupport;
  /** Of the student's Job. */
  readonly workload: WorkloadView | null;
  readonly account: OwnedView | null;
  readonly policy: OwnedView | null;
}

/** Lower than the cost of every pod without the annotation. */
const leavingCost = '-1';

/** @throws OwnerlessJobError, ZodError as src/render */
export function workerObjects(
  job: DistillJob,
  plan: WorkersPlan,
  access: Readonly<Record<WorkerRole, NatsAccess>>,
  found: FoundObjects,
  settings: WorkerSettings,
  hash: (text: string) => string,
): WorkerObjects {
  const inputs = [configMap(job), secret(job, access)];
  const inputsHash = hash(JSON.stringify(inputs));
  const marked = marker(hash);
  const teachers = teachersOf(job, plan, found, settings).map(([object, deployment]) =>
    marked(object, deployment, inputsHash),
  );
  const student = studentOf(job, plan, found, settings, hash);
  const workloads =
    student.object === null
      ? teachers
      : [...teachers, studentWanted(marked(student.object, found.student, inputsHash), job, found.student)];
  const pools = new Set(job.spec.teacher.pools.map(({ name }) => name));
  // A job that never ran, such as one that was created suspended, has no objects yet.
  const isEmpty = workloads.length === 0 && found.deployments.length === 0 && found.student === null;
  return {
    inputs: isEmpty ? [] : inputs,
    inputsHash,
    shared: isEmpty
      ? []
      : [marked(serviceAccount(job), found.account, ''), marked(networkPolicy(job, settings), found.policy, '')],
    workloads,
    costs: costsOf(plan, found.pods),
    deletions: [
      ...found.deployments
        .filter(({ pool }) => !pools.has(pool))
        .map((deployment) => ({ kind: kinds.deployments, found: deployment })),
      ...(student.outdated === null ? [] : [{ kind: kinds.jobs, found: student.outdated }]),
    ],
    workload: workloadOf(plan, found),
    suspend: withoutKueue(plan, found),
  };
}

/**
 * A Job in a queue is created suspended. From then on Kueue owns `spec.suspend` and the fields of the template that it merges, and
 * the apply leaves them out: it never had them, so none of them is removed.
 */
function studentWanted(wanted: Wanted, job: DistillJob, found: StudentJobView | null): Wanted {
  if (!isQueued(job, found)) return wanted;
  return { ...wanted, object: queuedStudentJob(wanted.object), created: wanted.object };
}

/** Whether the student's Job is in a queue of Kueue: one that the job names, or the default one. */
function isQueued({ spec }: DistillJob, found: StudentJobView | null): boolean {
  return spec.queueName !== undefined || (found?.queue ?? null) !== null;
}

/** Suspends and resumes a student in a queue: Kueue undoes a plain suspend at once (docs/adr/0052). */
function workloadOf({ student: wanted }: WorkersPlan, { student, workload }: FoundObjects): KubernetesObject | null {
  const stops = wanted === 'Stop';
  if (!isInQueue(student) || workload === null || workload.stoppedByUs === stops) return null;
  const { uid, namespace, name } = workload;
  const { group, version, kind } = kinds.workloads;
  // An apply without the field gives it up: it returns to true, unless somebody else set it to false as well.
  const spec = stops ? { active: false } : {};
  return { apiVersion: `${group}/${version}`, kind, metadata: ofUid(uid, { namespace, name }), spec };
}

/** An apply to an object with this uid: it fails if another object has the name by now. */
function ofUid(uid: string, metadata: KubernetesObject['metadata']): KubernetesObject['metadata'] {
  return Object.assign({ uid }, metadata);
}

function withoutKueue({ student: wanted }: WorkersPlan, { student, kueue }: FoundObjects): StudentJobView | null {
  return wanted === 'Stop' && kueue === 'NotServed' && isInQueue(student) && !student.suspended ? student : null;
}

/** In a queue of Kueue, and not over. */
function isInQueue(student: StudentJobView | null): student is StudentJobView {
  return student !== null && student.queue !== null && student.ended === null;
}

function marker(hash: (text: string) => string) {
  return (object: KubernetesObject, found: OwnedView | null, inputsHash: string): Wanted => {
    const applied = hash(JSON.stringify([object, inputsHash]));
    return { object: annotated(object, { [appliedAnnotation]: applied }), applied, found };
  };
}

function annotated(object: KubernetesObject, added: Readonly<Record<string, string>>): KubernetesObject {
  const { metadata } = object;
  return { ...object, metadata: { ...metadata, annotations: { ...metadata.annotations, ...added } } };
}

function teachersOf(
  job: DistillJob,
  { pools }: WorkersPlan,
  { deployments }: FoundObjects,
  settings: WorkerSettings,
): (readonly [KubernetesObject, OwnedView | null])[] {
  return job.spec.teacher.pools.flatMap((pool) => {
    const replicas = pools.find(({ name }) => name === pool.name)?.replicas ?? 0;
    const found = deployments.find((deployment) => deployment.pool === pool.name) ?? null;
    // A pool that never had a teacher needs no object.
    if (replicas === 0 && found === null) return [];
    const object = teacherDeployment(job, pool, replicas, settings, found?.queue ?? job.spec.teacher.queueName ?? null);
    // A Deployment from an earlier version keeps its name: a second one beside it would double the pool.
    const name = found?.name ?? object.metadata.name;
    return [[{ ...object, metadata: { ...object.metadata, name } }, found] as const];
  });
}

/**
 * @returns `object`: the Job to write, null while there is none to write; `outdated`: the Job to delete, because a
 *   changed template only takes effect in a new Job. It is deleted as soon as no student runs, or none is wanted.
 */
function studentOf(
  job: DistillJob,
  { student: wanted }: WorkersPlan,
  { student: found, pods }: FoundObjects,
  settings: WorkerSettings,
  hash: (text: string) => string,
): { readonly object: KubernetesObject | null; readonly outdated: StudentJobView | null } {
  const nothing = { object: null, outdated: null };
  if (found === null && wanted === 'Stop') return nothing;
  if (found !== null && (found.ended !== null || found.deleting)) return nothing;
  const object = studentJob(job, isQueued(job, found) || wanted === 'Stop', settings);
  const { template } = object.spec as { readonly template: unknown };
  const templateHash = hash(JSON.stringify(template));
  if (found === null || found.template === templateHash) {
    return { object: annotated(object, { [templateAnnotation]: templateHash }), outdated: null };
  }
  const runs = pods.some(({ worker, ended }) => worker?.component === 'student' && !ended);
  return { object: null, outdated: wanted === 'Stop' || !runs ? found : null };
}

function costsOf({ pools }: WorkersPlan, pods: readonly PodView[]): KubernetesObject[] {
  const leaving = new Set(pools.flatMap(({ leave }) => leave));
  return pods.flatMap(({ name, namespace, uid, worker, terminating, ended }) => {
    if (worker?.component !== 'teacher' || terminating || ended) return [];
    const cost = leaving.has(name) ? leavingCost : null;
    if (worker.deletionCost === cost) return [];
    const annotations = cost === null ? {} : { [deletionCostAnnotation]: cost };
    return [{ apiVersion: 'v1', kind: 'Pod', metadata: { namespace, name, uid, annotations } }];
  });
}

/** The inputs as they were last written. */
export interface WrittenInputs {
  readonly hash: string;
  readonly atMs: number;
}

/** A pod that has been on its node for this long without starting may lack its ConfigMap or Secret. */
const patienceMs = 20_000;

/**
 * Whether the inputs have to be written: before the first workload, after a change, and when pods wait as if an input had
 * been deleted.
 * @param known null = this process has not written them, and no workload shows that they were written
 */
export function inputsAreDue(
  hash: string,
  known: WrittenInputs | null,
  pods: readonly PodView[],
  nowMs: number,
): boolean {
  if (known?.hash !== hash) return true;
  return nowMs - known.atMs > patienceMs && pods.some((pod) => waitsLong(pod, nowMs));
}

function waitsLong({ worker, node, ended, terminating }: PodView, nowMs: number): boolean {
  if (worker === null || node === null || ended || terminating) return false;
  return !worker.ready && worker.lastEnd === null && nowMs - worker.createdAtMs > patienceMs;
}
