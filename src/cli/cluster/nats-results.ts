/** How `distill fetch` and `distill report` reach the results of a job in NATS: as its reader. */
import { statementOf, within } from '@distillery/base';
import {
  accessFromSecret,
  type NatsAccess,
  NatsAddress,
  NatsAddressError,
  printableAddress,
} from '@distillery/protocol';

import { type DistillJob, inputsName, sharedName } from '../../api/index.js';
import { type ObjectReader, StreamError } from '../../stream/index.js';

import { CliError } from '../shared/cli-error.js';

import type { JobReader } from './job-reader.js';

/** Address of NATS from here; absent = the address that pods use. */
interface ServerChoice {
  readonly nats?: string;
}

export interface NatsTools {
  /** @throws StreamError */
  connect(access: ReaderAccess): Promise<ObjectReader>;
}

/** What a reader of a job needs to connect. */
export type ReaderAccess = NatsAccess & { readonly uid: string; readonly waitMs: number; readonly stop?: AbortSignal };

const connectWaitMs = 5_000;

/**
 * Works with the results of a job in NATS, as its reader; a stop of the command ends the connection.
 * @throws CliError, StreamError when they cannot be read from here, and what `work` throws
 */
export async function withReader<R extends ObjectReader, T>(
  job: DistillJob,
  namespace: string,
  choice: ServerChoice,
  tools: {
    readonly jobs: Pick<JobReader, 'readSecret'>;
    connect(access: ReaderAccess): Promise<R>;
    readonly stop: AbortSignal;
  },
  work: (reader: R) => Promise<T>,
): Promise<T> {
  const { stop } = tools;
  const access = await accessTo(job, namespace, choice, tools);
  const uid = job.metadata.uid ?? '';
  const reader = await connected({ ...access, uid, waitMs: connectWaitMs, stop }, choice, tools);
  const close = (): void => void reader.close();
  stop.addEventListener('abort', close, { once: true });
  try {
    return await work(reader);
  } finally {
    stop.removeEventListener('abort', close);
    await reader.close();
  }
}

/** How the job's reader connects. @throws CliError */
async function accessTo(
  job: DistillJob,
  namespace: string,
  { nats }: ServerChoice,
  { jobs }: { readonly jobs: Pick<JobReader, 'readSecret'> },
): Promise<NatsAccess> {
  const name = inputsName(job.metadata.name, job.metadata.uid ?? '');
  const secret =
    (await jobs.readSecret(namespace, name)) ??
    // The name that versions up to 0.1 used: a job that ended before an upgrade has this one only.
    (await jobs.readSecret(namespace, sharedName(job.metadata.name)));
  const access = secret === null ? null : accessFromSecret(secret, 'reader');
  if (access === null) {
    throw new CliError('unavailable', {
      about: `secret ${namespace}/${name}`,
      problem: secret === null ? 'there is no such Secret' : 'it holds no credentials for a reader',
      remedy: 'check that the operator runs, which writes it',
    });
  }
  if (nats === undefined) return access;
  const address = addressIn(nats);
  if (address.login.kind !== 'none') {
    throw new CliError('usage', {
      about: '--nats',
      problem: `${address.toString()} comes with a login`,
      remedy: "give the address alone; the login is in the job's Secret",
    });
  }
  return { ...access, url: address.toString() };
}

/** @throws CliError usage, which quotes nothing of the text: it may hold a login */
function addressIn(nats: string): NatsAddress {
  try {
    return NatsAddress.parse(nats);
  } catch (error) {
    if (!(error instanceof NatsAddressError)) throw error;
    throw new CliError('usage', within('--nats', error.fault), { cause: error });
  }
}

/** @throws CliError, StreamError */
async function connected<R extends ObjectReader>(
  access: ReaderAccess,
  { nats }: ServerChoice,
  tools: { connect(access: ReaderAccess): Promise<R> },
): Promise<R> {
  try {
    return await tools.connect(access);
  } catch (error) {
    if (!(error instanceof StreamError) || error.reason !== 'unreachable' || nats !== undefined) throw error;
    throw new CliError(
      'unavailable',
      {
        about: '',
        problem: `${statementOf(error.fault)}. That is the address for pods (${printableAddress(access.url)})`,
        remedy:
          'from outside the cluster use `kubectl port-forward` to the NATS service, and --nats nats://127.0.0.1:4222',
      },
      { cause: error },
    );
  }
}
