/**
 * The Jobs port over Kubernetes: reads DistillJobs from the cache, and writes them by server-side apply.
 *
 * Invariant: a write goes to the object that was read, never to another one that has taken its name since (the request
 * carries the uid).
 */
import { apiVersion, type DistillJobStatus, type EventDraft, kind, streamsFinalizer } from '../../../api/index.js';
import type { FoundJob, JobKey, Jobs } from '../../../controller/index.js';
import { type ApiClient, ApiError } from '../api/index.js';
import { type JobCache, kinds, type RawDistillJob } from '../cache/index.js';

export interface KubernetesJobsOptions {
  readonly client: Pick<ApiClient, 'apply' | 'delete'>;
  readonly cache: JobCache;
  readonly record: (key: JobKey, events: readonly EventDraft[]) => void;
}

export class KubernetesJobs implements Jobs {
  readonly #options: KubernetesJobsOptions;

  constructor(options: KubernetesJobsOptions) {
    this.#options = options;
  }

  get(key: JobKey): Promise<FoundJob | null> {
    return Promise.resolve(this.#options.cache.get(key));
  }

  /** @throws ApiError */
  async writeStatus(key: JobKey, status: DistillJobStatus): Promise<void> {
    await this.#apply(key, { status }, 'status');
  }

  recordEvents(key: JobKey, events: readonly EventDraft[]): Promise<void> {
    this.#options.record(key, events);
    return Promise.resolve();
  }

  /** @throws ApiError */
  async setFinalizer(key: JobKey, present: boolean): Promise<void> {
    await this.#apply(key, {}, undefined, present ? [streamsFinalizer] : []);
  }

  /** @throws ApiError */
  async delete({ namespace, name, uid }: JobKey): Promise<void> {
    await this.#options.client.delete(kinds.distillJobs, namespace, name, { propagation: 'Background', uid });
  }

  async #apply(
    { namespace, name, uid }: JobKey,
    fields: object,
    subresource: 'status' | undefined,
    finalizers?: readonly string[],
  ): Promise<void> {
    const { client, cache } = this.#options;
    const metadata = { namespace, name, uid, ...(finalizers === undefined ? {} : { finalizers }) };
    const object = { apiVersion, kind, metadata, ...fields };
    try {
      const stored: unknown = await client.apply(object, subresource === undefined ? {} : { subresource });
      const raw = stored as RawDistillJob;
      // The last finalizer left an object that was being deleted: the job is gone.
      if (raw.metadata.deletionTimestamp !== undefined && finalizers?.length === 0) cache.remove(uid);
      else cache.answered(raw);
    } catch (error) {
      // The job was deleted, so the write has no purpose; the watch delivers the deletion.
      if (error instanceof ApiError && error.reason === 'notFound') return;
      throw error;
    }
  }
}

/**
 * Asks the API server whether it has this very job now. Another job of the same name has another uid.
 * @throws ApiError
 */
export async function jobExists(client: Pick<ApiClient, 'list'>, { namespace, name, uid }: JobKey): Promise<boolean> {
  // A list, because the operator has no right to get a DistillJob.
  const { items } = await client.list(kinds.distillJobs, { namespace, name });
  return items.some(({ metadata }) => metadata.uid === uid);
}
