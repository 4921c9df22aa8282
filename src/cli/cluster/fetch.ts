/**
 * `distill fetch`: copies the model of a finished job from a cluster into a folder. It reads the job and the credentials of
 * the job's reader from the API server, and the files from NATS. It changes nothing in either.
 */
import { printable, statementOf, within } from '@distillery/base';
import {
  accessFromSecret,
  type NatsAccess,
  NatsAddress,
  NatsAddressError,
  printableAddress,
  resultFiles,
} from '@distillery/protocol';

import { claimPlace, type DistillJob, inputsName, sharedName, storeKind } from '../../api/index.js';
import { type ObjectReader, StreamError } from '../../stream/index.js';

import { CliError } from '../shared/cli-error.js';
import { accuracy, duration } from '../shared/format.js';
import { listResults } from '../shared/result-checks.js';
import { bringResults, contentOf } from '../shared/results.js';
import { metricsByName, teacherSentence } from '../shared/scores.js';
import { checkPath, folderNamed } from '../shared/folders.js';
import { shellCommand } from '../shared/shell-words.js';

/** What `distill fetch` reads from the API server. */
export interface JobReader {
  /** The namespace of a job without --namespace. */
  readonly namespace: string;
  /** @returns null when there is no such job @throws CliError */
  readJob(namespace: string, name: string): Promise<DistillJob | null>;
  /** @returns decoded values by key; null when there is no such Secret @throws CliError */
  readSecret(namespace: string, name: string): Promise<Record<string, string> | null>;
}

export interface FetchOptions {
  readonly job: string;
  /** Absent = that of the kubeconfig's context. */
  readonly namespace?: string;
  /** Folder for the model. */
  readonly output: string;
  /** Address of NATS from here; absent = the address that pods use. */
  readonly nats?: string;
  /** Replace an earlier model in the folder. */
  readonly force: boolean;
}

export interface FetchTools {
  /** Options with which kubectl reaches the same cluster. */
  readonly kubectlOptions: readonly string[];
  readonly jobs: JobReader;
  /** @throws StreamError */
  connect(access: ReaderAccess): Promise<ObjectReader>;
  say(line: string): void;
  /** Aborts when the person stops the command. */
  readonly stop: AbortSignal;
}

/** What a reader of a job needs to connect. */
export type ReaderAccess = NatsAccess & { readonly uid: string; readonly waitMs: number; readonly stop?: AbortSignal };

const connectWaitMs = 5_000;

/** @throws CliError, StreamError */
export async function fetchJob(options: FetchOptions, tools: FetchTools): Promise<void> {
  const namespace = options.namespace ?? tools.jobs.namespace;
  const folder = folderNamed('--output', options.output);
  checkPath(`--output ${options.output}`, folder);
  const job = await tools.jobs.readJob(namespace, options.job);
  if (job === null) {
    throw new CliError('badInput', {
      about: `job ${namespace}/${options.job}`,
      problem: 'there is no such DistillJob',
      remedy: `list the jobs of the namespace with \`${kubectl(tools, ['get', 'distilljobs', '-n', namespace])}\``,
    });
  }
  checkFinished(job, `job ${namespace}/${options.job}`, tools);
  await checkFolder(folder, options.force);
  const uid = job.metadata.uid ?? '';
  const access = await accessTo(job, namespace, options, tools);
  const reader = await connected({ ...access, uid, waitMs: connectWaitMs, stop: tools.stop }, options, tools);
  const close = (): void => void reader.close();
  tools.stop.addEventListener('abort', close, { once: true });
  try {
    const results = await listResults(reader);
    if (results.length === 0) {
      throw new CliError('failed', {
        about: `job ${namespace}/${options.job}`,
        problem: 'its object store is empty',
        remedy: 'run the job again',
      });
    }
    const digest = await bringResults(reader, results, folder, job.status?.result ?? {});
    const { accuracy: reached, metrics } = job.status?.result ?? {};
    const agreement = teacherSentence(metricsByName(metrics));
    const names = results.map(({ name }) => name).sort();
    tools.say(`model     ${folder}: ${names.join(', ')}`);
    tools.say(`digest    ${digest}`);
    if (reached !== undefined) tools.say(`accuracy  ${accuracy(reached)} of the evaluation split`);
    if (agreement !== null) tools.say(`student   ${agreement}`);
  } finally {
    tools.stop.removeEventListener('abort', close);
    await reader.close();
  }
}

/** @returns a command to paste into a shell */
function kubectl({ kubectlOptions }: FetchTools, args: readonly string[]): string {
  return shellCommand(['kubectl', ...kubectlOptions, ...args]);
}

/** @throws CliError failed unless the job is complete and its model is in NATS */
function checkFinished({ metadata, spec, status }: DistillJob, who: string, tools: FetchTools): void {
  const holds = (type: string): string | null =>
    status?.conditions?.find((each) => each.type === type && each.status === 'True')?.message ?? null;
  const failed = holds('Failed');
  if (failed !== null)
    throw new CliError('failed', {
      about: who,
      problem: `it failed and has no model: ${printable(failed)}`,
      remedy: '',
    });
  if (holds('Complete') === null) {
    const { progress, phase = 'Pending' } = status ?? {};
    const left = progress?.secondsLeft;
    const at =
      progress === undefined
        ? ''
        : ` at step ${String(progress.step)} of ${String(progress.steps)} (${String(progress.percent)} %` +
          `${left === undefined ? '' : `, about ${duration(left)} left`})`;
    const wait = [
      'wait',
      '--for=condition=Complete',
      '--timeout=-1s',
      '-n',
      metadata.namespace ?? 'default',
      `distilljob/${metadata.name}`,
    ];
    throw new CliError('failed', {
      about: who,
      problem: `it is not complete: ${phase}${at}`,
      remedy: `wait for it with \`${kubectl(tools, wait)}\``,
    });
  }
  const { store } = spec.student.output;
  if (storeKind(store) === 'nats') return;
  const place = claimPlace(store);
  const [where, remedy] =
    place === undefined
      ? [store, 'read it there']
      : [
          `folder ${place.path === '' ? '/' : place.path} of PersistentVolumeClaim ${place.claim} of its namespace`,
          'mount the claim into a pod to read it',
        ];
  throw new CliError('failed', {
    about: who,
    problem: `its model is not in NATS, where this command reads, but in ${where}`,
    remedy,
  });
}

/** @throws CliError badInput when the folder holds something that must not be replaced */
async function checkFolder(folder: string, force: boolean): Promise<void> {
  const content = await contentOf(folder);
  if (content.length === 0) return;
  const foreign = content.filter((name) => !resultFiles.includes(name));
  if (force && foreign.length === 0) return;
  const found = force ? foreign : content;
  throw new CliError('badInput', {
    about: `folder ${folder}`,
    problem: `it holds ${found.slice(0, 3).join(', ')}${found.length > 3 ? ' and more' : ''}`,
    remedy: `choose another with --output${foreign.length > 0 ? '' : ', or replace the earlier model with --force'}`,
  });
}

/** How the job's reader connects. @throws CliError */
export async function accessTo(
  job: DistillJob,
  namespace: string,
  { nats }: Pick<FetchOptions, 'nats'>,
  { jobs }: Pick<FetchTools, 'jobs'>,
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
export async function connected<R extends ObjectReader>(
  access: ReaderAccess,
  { nats }: Pick<FetchOptions, 'nats'>,
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
