/**
 * The DistillJobs that the operator knows: read from the watch, and checked like any other input.
 *
 * Invariants:
 *  job-cache/O1 What we wrote is what we read next, even before the watch delivers it (latest.ts).
 *  job-cache/O2 A spec is checked once a generation, however often the status changes.
 */
import { omit } from '@distillery/base';
import type { Clock } from '@distillery/base';

import {
  apiVersion,
  checkJob,
  type DistillJob,
  type DistillJobStatus,
  kind,
  type ObjectMeta,
  type Problem,
} from '../../../api/index.js';
import type { FoundJob, JobKey } from '../../../controller/index.js';

import { Latest } from './latest.js';

export interface RawDistillJob {
  readonly metadata: ObjectMeta & { readonly uid: string; readonly resourceVersion: string };
  readonly spec?: unknown;
  readonly status?: DistillJobStatus;
}

export interface JobCacheOptions {
  readonly clock: Pick<Clock, 'now'>;
  /** What the administrator forbids of a valid job; absent = nothing. */
  readonly forbidden?: (job: DistillJob) => readonly Problem[];
}

interface Entry {
  readonly resourceVersion: string;
  readonly found: FoundJob;
}

export class JobCache {
  readonly #options: JobCacheOptions;
  readonly #jobs = new Map<string, Latest<Entry>>();

  constructor(options: JobCacheOptions) {
    this.#options = options;
  }

  get(key: JobKey): FoundJob | null {
    return this.#current(key.uid);
  }

  keys(): JobKey[] {
    return [...this.#jobs.keys()].flatMap((uid) => {
      const found = this.#current(uid);
      return found === null ? [] : [keyOfFound(found)];
    });
  }

  /** Takes in a change from the watch. @returns the key of the job that changed; null for none */
  observed(before: RawDistillJob | null, after: RawDistillJob | null): JobKey | null {
    const raw = after ?? before;
    if (raw === null) return null;
    const key = keyOf(raw);
    if (after === null) this.#jobs.delete(key.uid);
    else this.#latest(key.uid).observed(this.#entryOf(after));
    return key;
  }

  /**
   * Takes in the end of a list of one namespace, or of all, that was requested at this time.
   * @returns jobs that now read differently
   */
  listed(askedAtMs: number, namespace: string | undefined): JobKey[] {
    return [...this.#jobs.values()].flatMap((latest) => {
      const before = latest.current(this.#options.clock.now());
      if (before === null || (namespace !== undefined && keyOfFound(before.found).namespace !== namespace)) return [];
      return latest.listed(askedAtMs) ? [keyOfFound(before.found)] : [];
    });
  }

  /** Takes in the answer to a write of ours. A job whose end the watch has delivered stays gone. */
  answered(raw: RawDistillJob): void {
    this.#jobs.get(raw.metadata.uid)?.answered(this.#entryOf(raw), this.#options.clock.now());
  }

  remove(uid: string): void {
    this.#jobs.delete(uid);
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
}

function keyOfFound(found: FoundJob): JobKey {
  return keyOf(found.kind === 'Valid' ? found.job : found);
}

function keyOf({ metadata }: { readonly metadata: ObjectMeta }): JobKey {
  return { namespace: metadata.namespace ?? '', name: metadata.name, uid: metadata.uid ?? '' };
}

/** @param known what was found before; a spec of the same generation is not checked again (job-cache/O2) */
function foundOf(
  raw: RawDistillJob,
  known: FoundJob | null,
  forbidden: NonNullable<JobCacheOptions['forbidden']>,
): FoundJob {
  const metadata = metadataOf(raw);
  const status = writtenStatus(raw);
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

/** @returns undefined for the default that the API server fills in until an operator writes a status */
function writtenStatus({ status }: RawDistillJob): DistillJobStatus | undefined {
  return (status?.observedGeneration ?? 0) < 0 ? undefined : status;
}

function statusField(status: DistillJobStatus | undefined): { status?: DistillJobStatus } {
  return status === undefined ? {} : { status };
}

/** Without managedFields, the largest part of an object. */
function metadataOf({ metadata }: RawDistillJob): ObjectMeta {
  return omit<ObjectMeta, 'managedFields'>(metadata, 'managedFields');
}
