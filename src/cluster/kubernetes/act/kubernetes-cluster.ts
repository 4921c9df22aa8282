/**
 * The Cluster port over Kubernetes: observes from the cache, and executes what a plan wants (worker-objects.ts).
 *
 * Invariants:
 *  kubernetes-cluster/W1 An object that is already as wanted is not written: it carries the hash of what was wanted
 *     when it was applied, and its generation shows whether somebody has changed it since.
 *  kubernetes-cluster/W2 What pods need (account, policy, manifest, credentials) exists before the first object that
 *     makes pods.
 *  kubernetes-cluster/W3 Only what the API server calls invalid is held against the job (refusal.ts). Every other error
 *     is thrown, and the reconcile is retried.
 *  kubernetes-cluster/W4 Only what belongs to the job is seen, changed and deleted (ownership.ts, object-writer.ts);
 *     every write names its uid.
 */
import type { Clock } from '@distillery/base';
import { type NatsAccess, workerRoles, type WorkerRole } from '@distillery/protocol';

import { type DistillJob, kueue } from '../../../api/index.js';
import type { AccessOf, Cluster, JobKey, WorkersPlan } from '../../../controller/index.js';
import type { ClusterObservation, ClusterSlots } from '../../../domain/index.js';
import type { KubernetesObject, WorkerSettings } from '../../../render/index.js';
import { type ApiClient, ApiError, type ApiErrorReason } from '../api/index.js';
import {
  type ClusterCache,
  deploymentView,
  kinds,
  observationOf,
  ownedView,
  type RawDeployment,
  type RawJob,
  type RawObject,
  studentJobView,
  type StudentJobView,
} from '../cache/index.js';

import { ObjectWriter } from './object-writer.js';
import { RefusalError } from './refusal.js';
import { type Deletion, type FoundObjects, inputsAreDue, type Wanted, workerObjects } from './worker-objects.js';
import type { WorkerObjects } from './worker-objects.js';
import { WriteMemory } from './write-memory.js';

export interface KubernetesClusterOptions {
  readonly client: Pick<ApiClient, 'apply' | 'create' | 'delete' | 'list' | 'patch' | 'replace'>;
  readonly cache: ClusterCache;
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  /** A short digest of a text, for annotations. */
  readonly hash: (text: string) => string;
}

/** Errors of a write to an object that is gone, or whose name another object has by now. */
const goneReasons: readonly ApiErrorReason[] = ['notFound', 'conflict', 'invalid'];

export class KubernetesCluster implements Cluster {
  readonly #options: KubernetesClusterOptions;
  readonly #writer: ObjectWriter;
  readonly #callbacks: ((key: JobKey) => void)[] = [];
  readonly #memory = new WriteMemory();

  constructor(options: KubernetesClusterOptions) {
    this.#options = options;
    this.#writer = new ObjectWriter(options.client);
  }

  onChange(callback: (key: JobKey) => void): void {
    this.#callbacks.push(callback);
  }

  observe(key: JobKey, job: DistillJob): Promise<ClusterObservation> {
    const { cache, clock } = this.#options;
    const tally = cache.tallyOf(job);
    const names = job.spec.teacher.pools.map(({ name }) => name);
    return Promise.resolve(
      observationOf({
        job,
        objects: cache.objectsOf(key),
        needsOf: (pool) => cache.needsOf(job.metadata.namespace ?? '', pool),
        disruptions: (name) => tally.lostOf(name, names),
        kueue: cache.workloads.support,
        workloadOf: (uid) => cache.workloads.of(uid),
        autoscalersOf: (deployment) => cache.autoscalers.of(key.namespace, deployment),
        refusal: this.#memory.refusalOf(key.uid, job.metadata.generation),
        nowMs: clock.now(),
      }),
    );
  }

  slots(): ClusterSlots {
    return this.#options.cache.slots();
  }

  /** @throws ApiError, NameTakenError */
  async apply(key: JobKey, job: DistillJob, plan: WorkersPlan, access: AccessOf): Promise<'Applied' | 'Refused'> {
    try {
      const { settings, hash } = this.#options;
      const accesses = await allAccess(access);
      await this.#execute(key, workerObjects(job, plan, accesses, this.#foundOf(key), settings, hash));
      this.#memory.accepted(key.uid);
      return 'Applied';
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      this.#memory.refused(key.uid, job.metadata.generation, error.message);
      for (const callback of this.#callbacks) callback(key);
      return 'Refused';
    }
  }

  /** @throws ApiError */
  async remove(key: JobKey): Promise<boolean> {
    const { deployments, student, pods } = this.#options.cache.objectsOf(key);
    for (const found of deployments) await this.#delete(key, { kind: kinds.deployments, found });
    if (student !== null) await this.#delete(key, { kind: kinds.jobs, found: student });
    const gone = deployments.length === 0 && student === null && pods.every(({ ended }) => ended);
    if (gone) this.#memory.forgetInputs(key.uid);
    return gone;
  }

  /** Forgets a job that is gone. */
  forget(uid: string): void {
    this.#memory.forget(uid);
    this.#options.cache.forget(uid);
  }

  /** Number of jobs of which something is kept. */
  get remembered(): number {
    return this.#memory.size;
  }

  #foundOf(key: JobKey): FoundObjects {
    const { cache } = this.#options;
    const [account = null] = cache.serviceAccounts.of(key);
    const [policy = null] = cache.networkPolicies.of(key);
    const objects = cache.objectsOf(key);
    const workload = objects.student === null ? null : cache.workloads.of(objects.student.uid);
    return { ...objects, account, policy, kueue: cache.workloads.support, workload };
  }

  async #execute(key: JobKey, objects: WorkerObjects): Promise<void> {
    const { shared, workloads, costs, deletions } = objects;
    for (const wanted of shared) await this.#writeUnlessSo(key, wanted);
    await this.#writeInputs(key, objects);
    for (const pod of costs) await this.#applyIfThere(pod);
    for (const wanted of workloads) await this.#writeUnlessSo(key, wanted);
    if (objects.workload !== null) await this.#applyIfThere(objects.workload);
    if (objects.suspend !== null) await this.#suspend(objects.suspend);
    for (const deletion of deletions) await this.#delete(key, deletion);
  }

  /** kubernetes-cluster/W1 */
  #isSo({ uid }: JobKey, { found, applied }: Wanted): boolean {
    if (found?.applied !== applied) return false;
    const generation = this.#memory.generationOf(uid, found.uid);
    return generation === undefined || generation === found.generation;
  }

  async #writeUnlessSo(key: JobKey, wanted: Wanted): Promise<void> {
    if (this.#isSo(key, wanted)) return;
    const { cache } = this.#options;
    const { object, found, created } = wanted;
    let stored: unknown;
    try {
      stored = await this.#writer.write(key, object, found, created);
    } catch (error) {
      if (found === null || object.kind !== 'Deployment' || !isCaptured(error)) throw error;
      await this.#delete(key, { kind: kinds.deployments, found });
      return;
    }
    const view = ownedView(stored as RawObject, object.kind);
    this.#memory.wrote(key.uid, view.uid, view.generation);
    switch (object.kind) {
      case 'Deployment':
        cache.deployments.answered(deploymentView(stored as RawDeployment));
        break;
      case 'Job':
        cache.studentJobs.answered(studentJobView(stored as RawJob));
        break;
      case 'ServiceAccount':
        cache.serviceAccounts.answered(view);
        break;
      default:
        cache.networkPolicies.answered(view);
    }
  }

  /** kubernetes-cluster/W2 */
  async #writeInputs(key: JobKey, { inputs, inputsHash: hash, workloads }: WorkerObjects): Promise<void> {
    const { uid } = key;
    const nowMs = this.#options.clock.now();
    // Where an object has to be created again, its inputs may be gone as well: etcd may have been restored from a backup.
    if (workloads.some(({ found }) => found === null)) this.#memory.forgetInputs(uid);
    // Workloads that are as wanted were made after their inputs, by this process or by one before it.
    const areSo = workloads.length > 0 && workloads.every((wanted) => this.#isSo(key, wanted));
    const known = this.#memory.inputsOf(uid) ?? (areSo ? { hash, atMs: 0 } : null);
    if (inputs.length === 0 || !inputsAreDue(hash, known, this.#options.cache.objectsOf(key).pods, nowMs)) return;
    for (const object of inputs) await this.#writer.put(object);
    this.#memory.wroteInputs(uid, { hash, atMs: nowMs });
  }

  /** A patch and no apply: an apply that leaves the field out later would resume the Job. */
  async #suspend({ uid, namespace, name }: StudentJobView): Promise<void> {
    await this.#options.client.patch(kinds.jobs, namespace, name, { metadata: { uid }, spec: { suspend: true } });
  }

  /** Of an object that others make and delete. */
  async #applyIfThere(object: KubernetesObject): Promise<void> {
    try {
      await this.#options.client.apply(object);
    } catch (error) {
      if (!(error instanceof ApiError) || !goneReasons.includes(error.reason)) throw error;
    }
  }

  /** Foreground: the object stays visible until its pods are gone. */
  async #delete({ uid }: JobKey, { kind, found }: Deletion): Promise<void> {
    if (found.deleting) return;
    this.#memory.deleted(uid, found.uid);
    const { namespace, name } = found;
    await this.#options.client.delete(kind, namespace, name, { propagation: 'Foreground', uid: found.uid });
  }
}

/**
 * Kueue refuses every change of a Deployment with ready pods that is older than the LocalQueue `default` of its namespace, so that its
 * teachers could not even leave. A new Deployment is in that queue from the start (docs/adr/0052). RBAC has other words for a refusal.
 */
function isCaptured(error: unknown): boolean {
  return error instanceof ApiError && error.reason === 'forbidden' && error.message.includes(kueue.queueLabel);
}

async function allAccess(access: AccessOf): Promise<Readonly<Record<WorkerRole, NatsAccess>>> {
  const accesses = await Promise.all(workerRoles.map(async (role) => [role, await access(role)] as const));
  return Object.fromEntries(accesses) as Record<WorkerRole, NatsAccess>;
}
