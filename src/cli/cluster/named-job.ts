/** Finds the job that a person names. */
import { labels } from '../../api/index.js';
import type { DistillJob } from '../../api/index.js';
import { ApiError, type StoredObject } from '../../cluster/kubernetes/index.js';

import { CliError } from '../shared/cli-error.js';
import { shellCommand } from '../shared/shell-words.js';

import type { ClusterReader } from './cluster-reader.js';

/** A job, and the object of the API server that it is. */
export interface NamedJob {
  readonly namespace: string;
  readonly name: string;
  readonly job: DistillJob;
  readonly object: StoredObject;
}

/** @param kubectlOptions options with which kubectl reaches the same cluster @throws CliError badInput when there is none */
export async function namedJob(
  cluster: ClusterReader,
  namespace: string,
  name: string,
  kubectlOptions: readonly string[],
): Promise<NamedJob> {
  const object = await cluster.jobObject(namespace, name);
  if (object === null) {
    const list = shellCommand(['kubectl', ...kubectlOptions, 'get', 'distilljobs', '-n', namespace]);
    throw new CliError('badInput', {
      about: `job ${namespace}/${name}`,
      problem: 'there is no such DistillJob',
      remedy: `list the jobs of the namespace with \`${list}\``,
    });
  }
  // The API server checked the job against our schema when it was written.
  return { namespace, name, job: object as unknown as DistillJob, object };
}

/** @param wanted absent = none was named */
export function noPool({ namespace, name, job }: NamedJob, wanted: string | undefined): CliError {
  const pools = job.spec.teacher.pools.map((pool) => pool.name);
  return new CliError('usage', {
    about: `job ${namespace}/${name}`,
    found: wanted === undefined ? `${String(pools.length)} pools` : `no pool "${wanted}"`,
    expected: pools.length === 0 ? 'a job with teachers' : `--pool with one of ${pools.join(', ')}`,
    remedy: 'name the pool',
  });
}

/** Selects the objects that the operator made for this job, also if an earlier job had its name. */
export function ofJob({ metadata }: DistillJob): string {
  return `${labels.jobUid}=${metadata.uid ?? ''}`;
}

/** What could be read, or the sentence that says which right is missing. */
export type Readable<T> =
  { readonly kind: 'read'; readonly value: T } | { readonly kind: 'refused'; readonly sentence: string };

/** A part that a page can do without: a refusal by the API server's rights becomes a sentence. @throws CliError otherwise */
export async function orRefusal<T>(read: Promise<T>): Promise<Readable<T>> {
  try {
    return { kind: 'read', value: await read };
  } catch (error) {
    if (!(error instanceof CliError && error.cause instanceof ApiError)) throw error;
    if (error.cause.reason !== 'forbidden') throw error;
    return { kind: 'refused', sentence: error.message };
  }
}

export function valueOr<T>(readable: Readable<T>, otherwise: T): T {
  return readable.kind === 'read' ? readable.value : otherwise;
}
