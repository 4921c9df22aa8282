/**
 * What a refused write means: either the job asks for something impossible, or another object has the name. The first
 * holds until the job is changed. The second ends by itself if a job of that name was deleted just now and its objects
 * are still being removed.
 */
import { DistilleryError } from '@distillery/base';

import { labels } from '../../../api/index.js';
import type { KubernetesObject } from '../../../render/index.js';

import { ApiError, type ApiErrorReason, type StoredObject } from '../api/index.js';
import { controllerOf, jobOf } from '../cache/index.js';

/** Reasons that a retry of the same object cannot change. */
const refusals: readonly ApiErrorReason[] = ['invalid', 'badRequest'];

/** The API server refuses an object of the job; the fault holds its sentence and names the part of the job to change. */
export class RefusalError extends DistilleryError {
  override readonly name = 'RefusalError';
  readonly kind = 'Refusal';
  readonly retry = 'Never';
}

/** An object of that name exists and does not belong to this job; it was not changed. */
export class NameTakenError extends DistilleryError {
  override readonly name = 'NameTakenError';
  readonly kind = 'NameTaken';
  readonly retry = 'AfterSomebodyActs';

  /** @param there the object that has the name; null = unknown, but its immutable fields are not ours */
  constructor({ kind, metadata }: KubernetesObject, there: StoredObject | null) {
    const isGoing = there?.metadata.deletionTimestamp !== undefined;
    const earlier = there === null ? null : earlierJob(metadata, there);
    const owner = there === null ? '' : ` (${earlier === null ? ownerOf(there) : `it belongs to ${earlier}`})`;
    super({
      about: `${kind} "${metadata.name}"`,
      problem: `it exists and does not belong to this job${owner}${isGoing ? ', and is being deleted' : ''}`,
      remedy: isGoing ? 'this job continues when it is gone' : remedyOf(earlier),
    });
  }
}

/** @returns an earlier job of the same name, in words; null = the object belongs to something else */
function earlierJob(ours: KubernetesObject['metadata'], there: StoredObject): string | null {
  const [owner, job] = [jobOf(there.metadata), jobOf(ours)];
  return owner === null || owner.name !== job?.name || owner.uid === job.uid
    ? null
    : `an earlier DistillJob "${owner.name}"`;
}

function remedyOf(earlier: string | null): string {
  return earlier === null
    ? 'delete it if nothing needs it, or give this job another name'
    : 'Kubernetes deletes what that job owned; delete it if it is there after two minutes';
}

function ownerOf({ metadata }: StoredObject): string {
  const controller = controllerOf(metadata);
  return controller === null ? 'it has no owner' : `it belongs to ${controller.kind} "${controller.name}"`;
}

/**
 * Immutable fields of a workload. We never change them on objects of our own, so a refusal that names one means that
 * the object is not ours.
 */
const foreignFields: readonly string[] = ['metadata.ownerReferences', 'spec.selector', 'spec.template'];

/** @returns the error to throw for an error of a write */
export function refusedOr(object: KubernetesObject, error: unknown): unknown {
  if (!(error instanceof ApiError) || !refusals.includes(error.reason)) return error;
  if (error.causes.some(({ field }) => foreignFields.includes(field))) return new NameTakenError(object, null);
  return new RefusalError({ ...error.fault, remedy: remedyFor(object) }, { cause: error });
}

function remedyFor({ kind, metadata }: KubernetesObject): string {
  switch (kind) {
    case 'Deployment':
      return `change pool ${metadata.labels?.[labels.pool] ?? ''} in spec.teacher.pools, most likely its template`;
    case 'Job':
      return 'change spec.student, most likely its template';
    default:
      return 'change the job';
  }
}
