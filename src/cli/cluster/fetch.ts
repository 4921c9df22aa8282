/**
 * `distill fetch`: copies the model of a finished job from a cluster into a folder. It reads the job and the credentials of
 * the job's reader from the API server, and the files from NATS. It changes nothing in either.
 */
import { printable } from '@distillery/base';
import { resultFiles } from '@distillery/protocol';

import { claimPlace, type DistillJob, storeKind } from '../../api/index.js';

import { CliError } from '../shared/cli-error.js';
import { accuracy, duration } from '../shared/format.js';
import { listResults, type ResultSource } from '../shared/result-checks.js';
import { bringResults, contentOf } from '../shared/results.js';
import { metricsByName, teacherSentence } from '../shared/scores.js';
import { checkPath, folderNamed } from '../shared/folders.js';
import { shellCommand } from '../shared/shell-words.js';

import { type BucketChoice, type BucketTools, resultsInBucket } from './bucket-results.js';
import type { JobReader } from './job-reader.js';
import { type NatsTools, withReader } from './nats-results.js';

export interface FetchOptions extends BucketChoice {
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

export interface FetchTools extends NatsTools, BucketTools {
  /** Options with which kubectl reaches the same cluster. */
  readonly kubectlOptions: readonly string[];
  readonly jobs: JobReader;
}

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
  if (storeKind(job.spec.student.output.store) === 'nats') {
    await withReader(job, namespace, options, tools, (source) => bring(source, job, 'its object store', folder, tools));
  } else {
    await bring(
      await resultsInBucket(job, namespace, options, tools),
      job,
      job.spec.student.output.store,
      folder,
      tools,
    );
  }
}

/** Copies the results, and says what they are. @param where for people */
async function bring(
  source: ResultSource,
  { metadata, status }: DistillJob,
  where: string,
  folder: string,
  tools: FetchTools,
): Promise<void> {
  const results = await listResults(source);
  if (results.length === 0) {
    throw new CliError('failed', {
      about: `job ${metadata.namespace ?? 'default'}/${metadata.name}`,
      problem: `${where} is empty`,
      remedy: 'run the job again',
    });
  }
  const digest = await bringResults(source, results, folder, status?.result ?? {});
  const { accuracy: reached, metrics } = status?.result ?? {};
  const agreement = teacherSentence(metricsByName(metrics));
  const names = results.map(({ name }) => name).sort();
  tools.say(`model     ${folder}: ${names.join(', ')}`);
  tools.say(`digest    ${digest}`);
  if (reached !== undefined) tools.say(`accuracy  ${accuracy(reached)} of the evaluation split`);
  if (agreement !== null) tools.say(`student   ${agreement}`);
}

/** @returns a command to paste into a shell */
function kubectl({ kubectlOptions }: FetchTools, args: readonly string[]): string {
  return shellCommand(['kubectl', ...kubectlOptions, ...args]);
}

/** @throws CliError failed unless the job is complete and its model is where this command reads */
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
  const kind = storeKind(store);
  if (kind === 'nats' || kind === 's3') return;
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
    problem: `its model is neither in NATS nor in a bucket, where this command reads, but in ${where}`,
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
