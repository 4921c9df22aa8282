/**
 * When the API server says no to an object of a job's: either the job asks for what cannot be, or the name belongs to
 * somebody else. The first stands until the job is changed; the second ends by itself when a job of that name was deleted
 * only just now and its objects are still being cleared away.
 */
import { labels } from '../../api/index.js';
import type { KubernetesObject } from '../../render/index.js';

import { ApiError, type ApiErrorKind } from './errors.js';

/** What no later try mends while the job stays as it is. */
const refusalKinds: readonly ApiErrorKind[] = ['invalid', 'badRequest'];

/** The API server's sentence, and which part of the job it is about. */
export class RefusalError extends Error {
  override readonly name = 'RefusalError';
}

/** An object of that name is there and has another owner; nothing of it was changed. */
class NameTakenError extends Error {
  override readonly name = 'NameTakenError';
  readonly hinders = true;
}

/**
 * What the API server names when an object of another is applied over: an object has one controller, and what of a workload
 * never changes is other than ours. Of an object of our own we never change these.
 */
const foreignFields: readonly string[] = ['metadata.ownerReferences', 'spec.selector', 'spec.template'];

/** @returns what to throw for an error of an apply */
export function refusedOr(object: KubernetesObject, error: unknown): unknown {
  if (!(error instanceof ApiError) || !refusalKinds.includes(error.kind)) return error;
  const { kind, metadata } = object;
  if (error.causes.some(({ field }) => foreignFields.includes(field))) {
    return new NameTakenError(
      `${kind} "${metadata.name}": found one that belongs to another owner, expected none; if it is not about to go, delete ` +
        `it or give this job another name`,
      { cause: error },
    );
  }
  return new RefusalError(`${error.message}; ${remedyFor(object)}`, { cause: error });
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
