/**
 * DistillJobs as the API server has them: read from the watch, checked as every other input, written by server-side apply.
 *
 * Invariants:
 *  kubernetes-jobs/O1 A write goes to the object that was read, never to another that has taken its name since (its uid
 *     is sent along).
 *  kubernetes-jobs/O2 What we wrote is what we read next, even before the watch brings it (latest.ts).
 */
import { omit } from '@distillery/base';
import type { Clock } from '@distillery/base';

import {
  apiVersion,
  checkJob,
  type DistillJob,
  type DistillJobStatus,
  type EventDraft,
  kind,
  type ObjectMeta,
  type Problem,
  streamsFinalizer,
} from '../../api/index.js';
import type { FoundJob, JobKey } from '../index.js';

import type { ApiClient } from './client.js';
import { ApiError } from './errors.js';
import { kinds } from './kinds.js';
import { Latest } from './latest.js';

export interface RawDistillJob {
  readonly metadata: ObjectMeta & { readonly uid: string; readonly resourceVersion: string };
  readonly spec?: unknown;
  readonly status?: DistillJobStatus;
}

export interface KubernetesJobsOptions {
  readonly client: Pick<ApiClient, 'apply' | 'delete'>;
  readonly clock: Pick<Clock, 'now'>;
  readonly record: (key: JobKey, events: readonly EventDraft[]) => void;
  /** What an administrator does not allow of a valid job; absent = everything is. */
  readonly forbidden?: (job: DistillJob) => readonly Problem[];
}

interface Entry {
  readonly resourceVersion: string;
  readonly found: FoundJob;
}

export class KubernetesJobs {
  readonly #options: KubernetesJobsOptions;
  readonly #jobs = new Map<string, Latest<Entry>>();

  constructor(options: KubernetesJobsOptions) {
    this.#options = options;
  }

  /** What the watch tells. @returns the key of the job that changed; null for none */
  told(before: RawDistillJob | null, after: RawDistillJob | null): JobKey | null {
    const raw = after ?? before;
    if (raw === null) return null;
    const key = keyOf(raw);
    if (after === null) this.#jobs.delete(key.uid);
    else this.#latest(key.uid).told(this.#entryOf(after));
    return key;
  }

  /** Every job of one namespace, or of all, was told, as of a moment after this. @returns those that read otherwise now */
  listed(askedAtMs: number, namespace: string | undefined): JobKey[] {
    return [...this.#jobs.values()].flatMap((latest) => {
      const before = latest.current(this.#options.clock.now());
      if (before === null || (namespace !== undefined && keyOfFound(before.found).namespace !== namespace)) return [];
      return latest.listed(askedAtMs) ? [keyOfFound(before.found)] : [];
    });
  }

  keys(): JobKey[] {
    return [...this.#jobs.keys()].flatMap((uid) => {
      const found = this.#current(uid);
      return found === null ? [] : [keyOfFound(found)];
    });
  }

  get(key: JobKey): Promise<FoundJob | null> {
    return Promise.resolve(this.#current(key.uid));
  }

  #current(uid: string): FoundJob | null {
    return this.#jobs.get(uid)?.current(this.#options.clock.now())?.found ?? null;
  }

  #latest(uid: string): Latest<Entry> {
    const latest = this.#jobs.get(uid) ?? new Latest<Entry>();
    this.#jobs.set(uid, latest);
    return latest;
  }

  #entryOf(raw: RawDistillJob): Entry {
    const { forbidden = () => [] } = this.#options;
    const found = foundOf(raw, this.#current(raw.metadata.uid), forbidden);
    return { resourceVersion: raw.metadata.resourceVersion, found };
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
    const metadata = { namespace, name, uid, ...(finalizers === undefined ? {} : { finalizers }) };
    const object = { apiVersion, kind, metadata, ...fields };
    try {
      const stored: unknown = await this.#options.client.apply(
        object,
        subresource === undefined ? {} : { subresource },
      );
      const raw = stored as RawDistillJob;
      // The last finalizer was taken off an object that was being deleted: this is its last word.
      if (raw.metadata.deletionTimestamp !== undefined && finalizers?.length === 0) this.#jobs.delete(uid);
      // What the watch has told the end of stays gone.
      else this.#jobs.get(uid)?.answered(this.#entryOf(raw), this.#options.clock.now());
    } catch (error) {
      // kubernetes-jobs/O1: whoever deleted the job made the write pointless; the watch tells the rest.
      if (error instanceof ApiError && error.reason === 'notFound') return;
      throw error;
    }
  }
}

/**
 * Whether the API server has this very job now. A job that has taken its name since has another uid.
 * @throws ApiError
 */
export async function jobExists(client: Pick<ApiClient, 'list'>, { namespace, name, uid }: JobKey): Promise<boolean> {
  // By a list, for which the operator has the right; it needs none to get.
  const { items } = await client.list(kinds.distillJobs, { namespace, name });
  return items.some(({ metadata }) => metadata.uid === uid);
}

function keyOfFound(found: FoundJob): JobKey {
  return keyOf(found.kind === 'Valid' ? found.job : found);
}

function keyOf({ metadata }: { readonly metadata: ObjectMeta }): JobKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' };
}

/** @param known what was found before: a spec of the same generation is not checked again, whatever was found */
function foundOf(
  raw: RawDistillJob,
  known: FoundJob | null,
  forbidden: NonNullable<KubernetesJobsOptions['forbidden']>,
): FoundJob {
  const metadata = metadataOf(raw);
  const { status } = raw;
  if (known?.kind === 'Valid' && isSameGeneration(known.job.metadata, metadata)) {
    return { kind: 'Valid', job: { ...known.job, metadata, ...statusField(status) } };
  }
  if (known?.kind === 'Invalid' && isSameGeneration(known.metadata, metadata)) {
    return { kind: 'Invalid', metadata, status, problems: known.problems };
  }
  const checked = checkJob({ apiVersion, kind, metadata, spec: raw.spec });
  if (!checked.ok) return { kind: 'Invalid', metadata, status, problems: checked.problems };
  const problems = forbidden(checked.job);
  if (problems.length > 0) return { kind: 'Invalid', metadata, status, problems };
  return { kind: 'Valid', job: { ...checked.job, metadata, ...statusField(status) } };
}

function isSameGeneration(before: ObjectMeta, now: ObjectMeta): boolean {
  return before.generation !== undefined && before.generation === now.generation;
}

function statusField(status: DistillJobStatus | undefined): { status?: DistillJobStatus } {
  return status === undefined ? {} : { status };
}

/** Without the fields' managers, which are the largest part of an object. */
function metadataOf({ metadata }: RawDistillJob): ObjectMeta {
  return omit<ObjectMeta, 'managedFields'>(metadata, 'managedFields');
}
