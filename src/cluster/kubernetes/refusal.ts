/**
 * When the API server says no to an object of a job's: either the job asks for what cannot be, or the name belongs to
 * somebody else. The first stands until the job is changed; the second ends by itself when a job of that name was deleted
 * only just now and its objects are still being cleared away.
 */
import { DistilleryError } from '@distillery/base';

import { labels } from '../../api/index.js';
import type { KubernetesObject } from '../../render/index.js';

import { ApiError, type ApiErrorReason } from './errors.js';
import type { StoredObject } from './object.js';
import { controllerOf } from './ownership.js';

/** What no later try mends while the job stays as it is. */
const refusals: readonly ApiErrorReason[] = ['invalid', 'badRequest'];

/** The API server's sentence, and which part of the job it is about. */
export class RefusalError extends DistilleryError {
  override readonly name = 'RefusalError';
  readonly kind = 'Refusal';
  readonly retry = 'Never';
}

/** An object of that name is there and is not this job's; nothing of it was changed. */
export class NameTakenError extends DistilleryError {
  override readonly name = 'NameTakenError';
  readonly kind = 'NameTaken';
  readonly retry = 'AfterSomebodyActs';

  /** @param there what has the name; null = something whose fields say that it is not ours */
  constructor({ kind, metadata }: KubernetesObject, there: StoredObject | null) {
    const isGoing = there?.metadata.deletionTimestamp !== undefined;
    const owner = there === null ? '' : ` (${ownerOf(there)})`;
    super({
      about: `${kind} "${metadata.name}"`,
      problem: `it exists and does not belong to this job${owner}${isGoing ? ', and is being deleted' : ''}`,
      remedy: isGoing
        ? 'this job continues when it is gone'
        : 'delete it if nothing needs it, or give this job another name',
    });
  }
}

function ownerOf({ metadata }: StoredObject): string {
  const controller = controllerOf(metadata);
  return controller === null ? 'it has no owner' : `it belongs to ${controller.kind} "${controller.name}"`;
}

/**
 * Fields of a workload that never change: the API server names them when ours meets another object. Of an object of our own
 * we never change them.
 */
const foreignFields: readonly string[] = ['metadata.ownerReferences', 'spec.selector', 'spec.template'];

/** @returns what to throw for an error of a write */
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
