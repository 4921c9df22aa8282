/** The variables that `distill run` passes on to workers. Pure. */
import { alternatives } from '@distillery/base';
import { runtimeChoices } from '@distillery/protocol';
import {
  collectorForm,
  endpointVariable,
  isCollectorUrl,
  ratioForm,
  ratioOf,
  ratioVariable,
} from '@distillery/tracing';

import { type DistillJob, jobUris, storeKind, uriScheme } from '../../api/index.js';
import { CliError } from '../shared/cli-error.js';

/** Variables of workers that read remote places. */
export interface RemoteEnvironment {
  /** Where copies of remote files are kept, and how many bytes of them. */
  readonly cache: Readonly<Record<string, string>>;
  /** What AWS defines for reaching buckets. It holds secrets: never print it. */
  readonly buckets: Readonly<Record<string, string>>;
}

/** The variables of a job's workers: only those of a job that names a bucket get what reaches buckets. */
export function environmentOf(
  job: DistillJob,
  given: { readonly environment: Readonly<Record<string, string>>; readonly remote: RemoteEnvironment },
): Readonly<Record<string, string>> {
  const schemes = new Set(jobUris(job).map(({ uri }) => uriScheme(uri)));
  const reads = schemes.has('s3');
  const { checkpoint, output } = job.spec.student;
  const writes = [checkpoint, output].some(({ store }) => storeKind(store) === 's3');
  return {
    ...given.environment,
    ...(reads || schemes.has('https') ? given.remote.cache : {}),
    ...(reads || writes ? given.remote.buckets : {}),
  };
}

/** The values that workers accept (workers/process/environment.ts). */
const values: Readonly<Record<string, readonly string[]>> = {
  DISTILL_RUNTIME: runtimeChoices,
  DISTILL_LOG_LEVEL: ['trace', 'debug', 'info', 'warn', 'error'],
};

const numberOfBytes = /^[1-9]\d{0,15}$/;

/** Called before anything starts. @throws CliError usage for a value that a worker would refuse */
export function checkRunEnvironment(environment: Readonly<Record<string, string>>): void {
  for (const [name, allowed] of Object.entries(values)) {
    const value = environment[name];
    if (value === undefined || allowed.includes(value)) continue;
    throw wrong(name, value, alternatives(allowed));
  }
  const { [endpointVariable]: endpoint = '', [ratioVariable]: ratio = '' } = environment;
  // It may hold a login by mistake, so that it is not quoted.
  if (endpoint !== '' && !isCollectorUrl(endpoint)) throw wrong(endpointVariable, null, collectorForm);
  if (ratio !== '' && ratioOf(ratio) === null) throw wrong(ratioVariable, ratio, ratioForm);
  const { DISTILL_NATIVE_FOLDER: native = 'none' } = environment;
  if (native !== 'none' && !native.startsWith('/'))
    throw wrong('DISTILL_NATIVE_FOLDER', native, 'an absolute path, or none');
  const { DISTILL_CACHE_FOLDER: folder = '/', DISTILL_CACHE_BYTES: bytes = '1' } = environment;
  if (!folder.startsWith('/')) throw wrong('DISTILL_CACHE_FOLDER', folder, 'an absolute path');
  if (!numberOfBytes.test(bytes)) throw wrong('DISTILL_CACHE_BYTES', bytes, 'a number of bytes, such as 10737418240');
}

/** @param value null = it is not quoted */
function wrong(about: string, value: string | null, expected: string): CliError {
  const found = value === null ? 'another value' : JSON.stringify(value);
  return new CliError('usage', { about, found, expected, remedy: 'correct it, or unset it' });
}
