/**
 * The streams of all jobs, as a reconcile uses them: each call goes to the account of the job's namespace. Implements the
 * port of the controller, on a laptop and in a cluster.
 */
import {
  type DeadItem,
  jobNames,
  maxWindowSteps,
  type NatsAccess,
  type NatsTls,
  type WorkerRole,
} from '@distillery/protocol';

import { type DistillJob, quantityValue } from '../../api/index.js';

import { streamErrorFrom } from '../errors/index.js';
import type { JobRef, StreamHome } from './homes.js';
import { jobStreams, type ObservedStreams, type ObserveOptions, type StoredHistory } from '../job/index.js';

/** Messages a step that the work queue has room for; more only wait a little. */
const mostShards = 64;

export class NatsStreams {
  readonly #home: StreamHome;
  readonly #operator: () => string | null;
  readonly #workerTls: () => NatsTls | undefined;

  /**
   * @param operator identifies this installation in the mark of streams; null = streams carry no mark; absent = always null
   * @param workerTls certificates that workers use as they are now; absent or undefined = the authorities of their image
   */
  constructor(
    home: StreamHome,
    operator: () => string | null = () => null,
    workerTls: () => NatsTls | undefined = () => undefined,
  ) {
    this.#home = home;
    this.#operator = operator;
    this.#workerTls = workerTls;
  }

  async provision({ metadata, spec: { logits } }: DistillJob): Promise<void> {
    const { uid = '', namespace = '', name } = metadata;
    const admin = await this.#home.adminOf(namespace);
    await this.#home.admit({ namespace, uid });
    const operator = this.#operator();
    await admin.provision(
      jobStreams({
        names: jobNames(uid),
        maxBytes: quantityValue(logits.maxBytes),
        storage: logits.storage,
        replicas: logits.replicas,
        windowBound: maxWindowSteps * mostShards,
        ...(operator === null ? {} : { owner: { operator, namespace, name, uid } }),
      }),
    );
  }

  /** Never throws: without an answer the state is Unreachable, with the reason. */
  async observe({ namespace, uid }: JobRef, options: ObserveOptions): Promise<ObservedStreams> {
    try {
      const admin = await this.#home.adminOf(namespace);
      return await admin.observe(uid, options);
    } catch (error) {
      return { state: 'Unreachable', reason: streamErrorFrom(error, `read the streams of job ${uid}`).message };
    }
  }

  async trim({ namespace, uid }: JobRef, belowSequence: number): Promise<void> {
    const admin = await this.#home.adminOf(namespace);
    await admin.trim(uid, belowSequence);
  }

  async deleteFrame({ namespace, uid }: JobRef, sequence: number): Promise<void> {
    const admin = await this.#home.adminOf(namespace);
    await admin.deleteFrame(uid, sequence);
  }

  async newestDeadItem({ namespace, uid }: JobRef): Promise<DeadItem | null> {
    const admin = await this.#home.adminOf(namespace);
    return admin.newestDeadItem(uid);
  }

  /** @throws StreamError */
  async readHistory({ namespace, uid }: JobRef): Promise<StoredHistory> {
    const admin = await this.#home.adminOf(namespace);
    return admin.readHistory(uid);
  }

  /** @throws StreamError */
  async writeHistory({ namespace, uid }: JobRef, text: string, revision: number): Promise<'stored' | 'moved'> {
    const admin = await this.#home.adminOf(namespace);
    return admin.writeHistory(uid, text, revision);
  }

  /** Ends the job's users first. */
  async remove(job: JobRef): Promise<void> {
    const admin = await this.#home.adminOf(job.namespace);
    await this.#home.dismiss(job);
    await admin.remove(job.uid);
  }

  /** How a role of a job reaches its streams. */
  access(role: WorkerRole, { metadata }: DistillJob): Promise<NatsAccess> {
    const { uid = '', namespace = '', creationTimestamp = '' } = metadata;
    const access = this.#home.access(role, { uid, namespace, createdAtMs: Date.parse(creationTimestamp) });
    const tls = this.#workerTls();
    return Promise.resolve(tls === undefined ? access : { ...access, tls });
  }
}
