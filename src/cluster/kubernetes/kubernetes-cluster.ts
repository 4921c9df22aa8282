/**
 * The Cluster port over Kubernetes: observes from the cache, acts through the writer (writer.ts).
 *
 * Invariants:
 *  kubernetes-cluster/W1 Nothing is written that is already so: an object carries the hash of what was wanted when it
 *     was applied, and its generation tells whether somebody changed it since.
 *  kubernetes-cluster/W2 What pods need (account, policy, manifest, credentials) is there before the first object that
 *     makes pods.
 *  kubernetes-cluster/W3 Only what the API server calls invalid is held against the job (refusal.ts); every other error
 *     is thrown and tried again.
 *  kubernetes-cluster/W4 A student's Job that has ended is never touched again.
 *  kubernetes-cluster/W5 Only what belongs to the job is seen, changed and deleted (ownership.ts, writer.ts), and every
 *     write names its uid.
 */
import type { Clock } from '@distillery/base';
import { type NatsAccess, workerRoles, type WorkerRole } from '@distillery/protocol';

import { appliedAnnotation, deletionCostAnnotation, type DistillJob, templateAnnotation } from '../../api/index.js';
import type { ClusterObservation, ClusterSlots } from '../../domain/index.js';
import {
  configMap,
  type KubernetesObject,
  networkPolicy,
  secret,
  serviceAccount,
  studentJob,
  teacherDeployment,
  type WorkerSettings,
} from '../../render/index.js';
import type { Cluster, DesiredWorkers, JobKey } from '../index.js';

import type { ClusterCache } from './cache.js';
import type { ApiClient } from './client.js';
import { ApiError, type ApiErrorReason } from './errors.js';
import { kinds } from './kinds.js';
import { Needs } from './needs.js';
import { observationOf } from './observation.js';
import { RefusalError } from './refusal.js';
import {
  deploymentView,
  type OwnedView,
  ownedView,
  type PodView,
  type RawDeployment,
  type RawJob,
  type RawObject,
  studentJobView,
  type StudentJobView,
} from './views.js';
import { ObjectWriter } from './writer.js';

export interface KubernetesClusterOptions {
  readonly client: Pick<ApiClient, 'apply' | 'create' | 'delete' | 'list' | 'patch' | 'replace'>;
  readonly cache: ClusterCache;
  readonly settings: WorkerSettings;
  readonly clock: Clock;
  /** A short digest of a text, for annotations. */
  readonly hash: (text: string) => string;
}

/** A pod that is on its node this long without having run may lack its ConfigMap or Secret. */
const patienceMs = 20_000;

/** No teacher stays Pending for ten seconds: before that it is given up. */
const unplacedPatienceMs = 5_000;
const tryAgainMs = 60_000;

/** Below every pod that says nothing. */
const leavingCost = '-1';
const goneKinds: readonly ApiErrorReason[] = ['notFound', 'conflict', 'invalid'];

/** What is remembered of a job beyond what the cache holds. */
interface Memory {
  /** The generation that the API server refused, and its sentence. */
  refusal: { readonly generation: number | undefined; readonly sentence: string } | null;
  /** Hash of the inputs that were last written, and when. */
  inputs: { readonly hash: string; readonly atMs: number } | null;
  /** By pool: until when no other teacher is tried, since one found no node where the ledger saw room. */
  readonly stuckUntilMs: Map<string, number>;
  /** By uid of an object: the generation that our last write left. */
  readonly generations: Map<string, number>;
}

/** An object with the annotation that says what was wanted, and what there is of it. */
interface Wanted {
  readonly object: KubernetesObject;
  readonly applied: string;
  readonly found: OwnedView | null;
}

export class KubernetesCluster implements Cluster {
  readonly #options: KubernetesClusterOptions;
  readonly #writer: ObjectWriter;
  readonly #callbacks: ((key: JobKey) => void)[] = [];
  readonly #needs = new Needs();
  /** By job; goes with it. */
  readonly #memories = new Map<string, Memory>();

  constructor(options: KubernetesClusterOptions) {
    this.#options = options;
    this.#writer = new ObjectWriter(options.client);
  }

  onChange(callback: (key: JobKey) => void): void {
    this.#callbacks.push(callback);
  }

  observe(key: JobKey, job: DistillJob): Promise<ClusterObservation> {
    const { uid } = key;
    const { cache, clock } = this.#options;
    const tally = cache.tallyOf(job);
    const { pools } = job.spec.teacher;
    const names = pools.map(({ name }) => name);
    const refusal = this.#memories.get(uid)?.refusal ?? null;
    return Promise.resolve(
      observationOf({
        job,
        objects: cache.objectsOf(key),
        needsOf: (pool) => this.#needs.of(pool),
        stuckUntilMs: (name) => this.#stuckUntil(key, name),
        disruptions: (name) => tally.lostOf(name, names),
        refusal: refusal !== null && refusal.generation === job.metadata.generation ? refusal.sentence : null,
        nowMs: clock.now(),
      }),
    );
  }

  slots(): ClusterSlots {
    return this.#options.cache.slots();
  }

  /** The ledger knows most of what the scheduler asks for, and not all: where it saw room in vain, it is left alone for a while. */
  #stuckUntil(job: JobKey, pool: string): number | null {
    const { cache, clock } = this.#options;
    const nowMs = clock.now();
    const untilMs = this.#memories.get(job.uid)?.stuckUntilMs.get(pool) ?? null;
    const inVain = cache
      .objectsOf(job)
      .pods.some(
        ({ worker, waits }) =>
          worker?.component === 'teacher' &&
          worker.pool === pool &&
          worker.stuck !== null &&
          waits !== null &&
          nowMs - worker.createdAtMs > unplacedPatienceMs,
      );
    if (untilMs !== null && nowMs < untilMs) return untilMs;
    if (inVain) this.#memoryOf(job.uid).stuckUntilMs.set(pool, nowMs + tryAgainMs);
    else this.#memories.get(job.uid)?.stuckUntilMs.delete(pool);
    return inVain ? nowMs + tryAgainMs : null;
  }

  /** @throws ApiError, NameTakenError */
  async apply(desired: DesiredWorkers): Promise<'Applied' | 'Refused'> {
    const { key, job } = desired;
    try {
      await this.#apply(desired);
      this.#memoryOf(key.uid).refusal = null;
      return 'Applied';
    } catch (error) {
      if (!(error instanceof RefusalError)) throw error;
      this.#memoryOf(key.uid).refusal = { generation: job.metadata.generation, sentence: error.message };
      for (const callback of this.#callbacks) callback(key);
      return 'Refused';
    }
  }

  async #apply(desired: DesiredWorkers): Promise<void> {
    const { key, job } = desired;
    const { cache } = this.#options;
    const { deployments, student } = cache.objectsOf(key);
    const inputs = await this.#inputsOf(desired);
    const inputsHash = this.#options.hash(JSON.stringify(inputs));
    const workloads = [...this.#teachersOf(desired, inputsHash), ...this.#studentOf(desired, inputsHash)];
    // A job that never ran, such as one that was made suspended, has nothing yet.
    if (workloads.length > 0 || deployments.length > 0 || student !== null) {
      await this.#applyShared(desired);
      const isSo = workloads.length > 0 && workloads.every((one) => this.#isSo(key, one));
      // Where an object is made anew, what it needs may be gone as well: etcd may have been set back.
      if (workloads.some(({ found }) => found === null)) this.#memoryOf(key.uid).inputs = null;
      await this.#writeInputs(key, inputs, inputsHash, isSo);
    }
    await this.#markLeaving(desired);
    for (const workload of workloads) await this.#writeUnlessSo(key, workload);
    const named = new Set(job.spec.teacher.pools.map(({ name }) => name));
    for (const deployment of deployments) {
      if (!named.has(deployment.pool)) await this.#delete(key, kinds.deployments, deployment);
    }
    if (student !== null && this.#mustBeMadeAnew(desired, student)) await this.#delete(key, kinds.jobs, student);
  }

  /** What no watch brings back: a manifest, and credentials that nobody but the pods shall read. */
  async #inputsOf({ job, access }: DesiredWorkers): Promise<KubernetesObject[]> {
    const accesses = await Promise.all(workerRoles.map(async (role) => [role, await access(role)] as const));
    return [configMap(job), secret(job, Object.fromEntries(accesses) as Record<WorkerRole, NatsAccess>)];
  }

  async #applyShared({ key, job }: DesiredWorkers): Promise<void> {
    const { cache, settings } = this.#options;
    const [account = null] = cache.serviceAccounts.of(key);
    const [policy = null] = cache.networkPolicies.of(key);
    await this.#writeUnlessSo(key, this.#marked(serviceAccount(job), account, ''));
    await this.#writeUnlessSo(key, this.#marked(networkPolicy(job, settings), policy, ''));
  }

  #teachersOf({ job, key, pools }: DesiredWorkers, inputsHash: string): Wanted[] {
    const { cache, settings } = this.#options;
    const { deployments } = cache.objectsOf(key);
    return job.spec.teacher.pools.flatMap((pool) => {
      const replicas = pools.find(({ name }) => name === pool.name)?.replicas ?? 0;
      const found = deployments.find((deployment) => deployment.pool === pool.name) ?? null;
      // A pool that never had a teacher needs no object.
      if (replicas === 0 && found === null) return [];
      const object = teacherDeployment(job, pool, replicas, settings);
      // One that an earlier version made keeps its name: a second one beside it would be a second fleet.
      const name = found?.name ?? object.metadata.name;
      return [this.#marked({ ...object, metadata: { ...object.metadata, name } }, found, inputsHash)];
    });
  }

  /**
   * None when it shall not be applied: it has ended (kubernetes-cluster/W4), is going, was never made, or has to be
   * made anew.
   */
  #studentOf({ job, key, student }: DesiredWorkers, inputsHash: string): Wanted[] {
    const { student: found } = this.#options.cache.objectsOf(key);
    if (found === null && student === 'Stop') return [];
    if (found !== null && (found.ended !== null || found.deleting)) return [];
    const object = studentJob(job, student === 'Stop', this.#options.settings);
    const template = this.#templateHash(object);
    if (found !== null && found.template !== template) return [];
    const annotations = { ...object.metadata.annotations, [templateAnnotation]: template };
    return [this.#marked({ ...object, metadata: { ...object.metadata, annotations } }, found, inputsHash)];
  }

  /** A changed template takes effect with the next student pod: as soon as none runs, or none shall run. */
  #mustBeMadeAnew({ job, student, key }: DesiredWorkers, found: StudentJobView): boolean {
    if (found.ended !== null || found.deleting) return false;
    const changed = found.template !== this.#templateHash(studentJob(job, false, this.#options.settings));
    const { pods } = this.#options.cache.objectsOf(key);
    const runs = pods.some(({ worker, ended }) => worker?.component === 'student' && !ended);
    return changed && (student === 'Stop' || !runs);
  }

  #templateHash({ spec }: KubernetesObject): string {
    return this.#options.hash(JSON.stringify((spec as { readonly template: unknown }).template));
  }

  #marked(object: KubernetesObject, found: OwnedView | null, inputsHash: string): Wanted {
    const applied = this.#options.hash(JSON.stringify([object, inputsHash]));
    const { metadata } = object;
    const annotations = { ...metadata.annotations, [appliedAnnotation]: applied };
    return { object: { ...object, metadata: { ...metadata, annotations } }, applied, found };
  }

  /** kubernetes-cluster/W1 */
  #isSo({ uid }: JobKey, { found, applied }: Wanted): boolean {
    if (found?.applied !== applied) return false;
    const generation = this.#memories.get(uid)?.generations.get(found.uid);
    return generation === undefined || generation === found.generation;
  }

  async #writeUnlessSo(key: JobKey, wanted: Wanted): Promise<void> {
    if (this.#isSo(key, wanted)) return;
    const { cache } = this.#options;
    const { object, found } = wanted;
    const stored: unknown = await this.#writer.write(key, object, found);
    const view = ownedView(stored as RawObject, object.kind);
    this.#memoryOf(key.uid).generations.set(view.uid, view.generation);
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

  /**
   * kubernetes-cluster/W2: before the first workload, after any change, and when pods wait as if something was taken
   * away.
   */
  async #writeInputs(
    key: JobKey,
    inputs: readonly KubernetesObject[],
    hash: string,
    workloadsAreSo: boolean,
  ): Promise<void> {
    const { cache, clock } = this.#options;
    const nowMs = clock.now();
    // Workloads that are as wanted were made after their inputs, by this operator or by one before it.
    const { uid } = key;
    const memory = this.#memoryOf(uid);
    const known = memory.inputs ?? (workloadsAreSo ? { hash, atMs: 0 } : undefined);
    const waiting = cache.objectsOf(key).pods.some((pod) => waitsLong(pod, nowMs));
    const taken = waiting && nowMs - (known?.atMs ?? 0) > patienceMs;
    if (known?.hash !== hash || taken) {
      for (const object of inputs) await this.#writer.put(object);
      memory.inputs = { hash, atMs: nowMs };
    }
  }

  /** @throws ApiError */
  async remove(key: JobKey): Promise<boolean> {
    const { cache } = this.#options;
    const { deployments, student, pods } = cache.objectsOf(key);
    for (const deployment of deployments) await this.#delete(key, kinds.deployments, deployment);
    if (student !== null) await this.#delete(key, kinds.jobs, student);
    const gone = deployments.length === 0 && student === null && pods.every(({ ended }) => ended);
    const memory = this.#memories.get(key.uid);
    if (gone && memory !== undefined) memory.inputs = null;
    return gone;
  }

  /** Forgets a job that is gone. */
  forget(uid: string): void {
    this.#memories.delete(uid);
    this.#options.cache.forget(uid);
  }

  /** Jobs of which something is remembered. */
  get remembered(): number {
    return this.#memories.size;
  }

  #memoryOf(uid: string): Memory {
    const memory = this.#memories.get(uid) ?? {
      refusal: null,
      inputs: null,
      stuckUntilMs: new Map<string, number>(),
      generations: new Map<string, number>(),
    };
    this.#memories.set(uid, memory);
    return memory;
  }

  /** Before a pool shrinks: which of its teachers go is the plan's choice, not the ReplicaSet's. */
  async #markLeaving({ key, pools }: DesiredWorkers): Promise<void> {
    const leaving = new Set(pools.flatMap(({ leave }) => leave));
    for (const { name, namespace, uid, worker, terminating, ended } of this.#options.cache.objectsOf(key).pods) {
      if (worker?.component !== 'teacher' || terminating || ended) continue;
      const cost = leaving.has(name) ? leavingCost : null;
      if (worker.deletionCost === cost) continue;
      const annotations = cost === null ? {} : { [deletionCostAnnotation]: cost };
      try {
        await this.#options.client.apply({
          apiVersion: 'v1',
          kind: 'Pod',
          metadata: { namespace, name, uid, annotations },
        });
      } catch (error) {
        // It is gone, or another has its name: there is nothing to choose any more.
        if (!(error instanceof ApiError) || !goneKinds.includes(error.reason)) throw error;
      }
    }
  }

  /** Foreground: the object stays visible until its pods are gone. */
  async #delete({ uid }: JobKey, kind: (typeof kinds)['deployments' | 'jobs'], found: OwnedView): Promise<void> {
    if (found.deleting) return;
    const { client } = this.#options;
    this.#memories.get(uid)?.generations.delete(found.uid);
    await client.delete(kind, found.namespace, found.name, { propagation: 'Foreground', uid: found.uid });
  }
}

function waitsLong({ worker, node, ended, terminating }: PodView, nowMs: number): boolean {
  if (worker === null || node === null || ended || terminating) return false;
  return !worker.ready && worker.lastEnd === null && nowMs - worker.createdAtMs > patienceMs;
}
