/**
 * The report of a job of a cluster: from its object, the history that the operator stored in its streams (docs/adr/0060), and
 * the report of its student among the results. Without a history, events of the API server stand in for it.
 */
import { buffer } from 'node:stream/consumers';

import { parsedJson, version } from '@distillery/base';
import { type ResultReport, resultFileNames, resultPrefix, resultReportSchema } from '@distillery/protocol';

import { type DistillJob, storeKind } from '../../api/index.js';
import { kinds } from '../../cluster/kubernetes/index.js';
import { type History, readHistory } from '../../history/index.js';
import { readStatus, type ReportInput } from '../../report/index.js';
import { type JobStreamReader, StreamError } from '../../stream/index.js';

import { CliError } from '../shared/cli-error.js';
import { type Report, reportOf } from '../shared/report-file.js';
import type { ResultSource } from '../shared/result-checks.js';

import { type BucketChoice, type BucketTools, resultsInBucket } from './bucket-results.js';
import type { ClusterReader } from './cluster-reader.js';
import { type ReaderAccess, withReader } from './nats-results.js';
import { eventsAbout } from './seen-events.js';

export interface JobReportOptions extends BucketChoice {
  readonly job: string;
  /** Absent = that of the kubeconfig's context. */
  readonly namespace?: string;
  /** Address of NATS from here; absent = the address that pods use. */
  readonly nats?: string;
}

export interface JobReportTools {
  readonly cluster: Pick<ClusterReader, 'namespace' | 'readJob' | 'readSecret' | 'list'>;
  /** @throws StreamError */
  readonly connect: (access: ReaderAccess) => Promise<JobStreamReader>;
  readonly buckets: BucketTools['buckets'];
  readonly nowMs: number;
  readonly stop: AbortSignal;
}

/** Far more than a student writes. */
const maxReportBytes = 16 * 1024 * 1024;

/** @returns null when there is no such job @throws CliError when the job cannot be read */
export async function jobReport(options: JobReportOptions, tools: JobReportTools): Promise<Report | null> {
  const { cluster, nowMs } = tools;
  const namespace = options.namespace ?? cluster.namespace;
  const job = await cluster.readJob(namespace, options.job);
  if (job === null) return null;
  const missing: string[] = [];
  const { history, result } = await storedOf(job, namespace, options, tools, missing);
  const readEvents = (): Promise<Events> => eventsOf(job, namespace, cluster);
  const events = history === null ? await optional<Events>(missing, 'events', [], readEvents) : [];
  const input: ReportInput = {
    source: `job ${namespace}/${job.metadata.name} of a cluster`,
    job,
    isRunning: job.status?.phase === 'Running',
    // The API server may know a newer schema than this command.
    status: readStatus(job.status ?? {}),
    history,
    result,
    baseline: null,
    teacher: teacherOf(job),
    events,
    missing,
    madeAtMs: nowMs,
    version,
  };
  return reportOf(input);
}

/** A part that a report can do without: why it is missing becomes a sentence of the report. */
async function optional<T>(missing: string[], what: string, otherwise: T, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof CliError || error instanceof StreamError)) throw error;
    missing.push(`${what}; ${error.message.replace(/\.$/, '')}.`);
    return otherwise;
  }
}

/** As Kubernetes bounds it. */
const longestMessage = 1_024;

type Events = ReportInput['events'];

async function eventsOf(job: DistillJob, namespace: string, cluster: JobReportTools['cluster']): Promise<Events> {
  const objects = await cluster.list(kinds.events, { namespace });
  const events = eventsAbout(objects, job.metadata.uid ?? '').map((object) => {
    const text = (name: string): string => {
      const value = object[name];
      return typeof value === 'string' ? value : '';
    };
    const t = Date.parse(text('lastTimestamp') || text('eventTime') || text('firstTimestamp'));
    return {
      t: Number.isNaN(t) ? 0 : t,
      severity: text('type'),
      reason: text('reason'),
      message: text('message').slice(0, longestMessage),
    };
  });
  return events.sort((a, b) => a.t - b.t);
}

interface Stored {
  readonly history: History | null;
  readonly result: ResultReport | null;
}

async function storedOf(
  job: DistillJob,
  namespace: string,
  options: JobReportOptions,
  tools: JobReportTools,
  missing: string[],
): Promise<Stored> {
  const kind = storeKind(job.spec.student.output.store);
  const lacks = 'curves of the loss, scores, rates and teachers';
  const history = (reader: JobStreamReader): Promise<History | null> =>
    optional(missing, 'curves of rates, the buffer and the teachers', null, () => historyOf(job, reader));
  const result = (found: History | null, source: () => Promise<ResultSource>): Promise<ResultReport | null> => {
    const exact = found === null ? 'curves of the loss and the scores' : 'the exact losses and scores of each step';
    return optional(missing, exact, null, async () => resultOf(job, source));
  };
  // A note of a repeated request to a bucket would stand in the page of `-o -`.
  const readTools = { ...tools, jobs: tools.cluster, say: () => undefined };
  const inNats = (): Promise<Stored> =>
    withReader(job, namespace, options, readTools, async (reader) => {
      const found = await history(reader);
      return { history: found, result: kind === 's3' ? null : await result(found, () => Promise.resolve(reader)) };
    });
  const stored = await optional<Stored>(missing, lacks, { history: null, result: null }, inNats);
  if (kind !== 's3') return stored;
  const inBucket = (): Promise<ResultSource> => resultsInBucket(job, namespace, options, readTools);
  return { ...stored, result: await result(stored.history, inBucket) };
}

/** @throws CliError, StreamError with the reason why there is none */
async function historyOf({ metadata: { uid = '' } }: DistillJob, reader: JobStreamReader): Promise<History> {
  const text = await reader.history();
  if (text === '') throw lacking('the operator has not stored any yet, or is of an earlier release');
  const history = readHistory(text, uid);
  if (history === null) throw lacking('the stored history is damaged, or of a later release');
  return history;
}

/** @throws CliError, StreamError with the reason why there is none */
async function resultOf(
  { metadata, spec, status }: DistillJob,
  source: () => Promise<ResultSource>,
): Promise<ResultReport> {
  if (status?.phase !== 'Succeeded') throw lacking('the student stores them when its training is complete');
  if (storeKind(spec.student.output.store) === 'pvc') throw lacking('the model is in a PersistentVolumeClaim');
  const results = await source();
  const name = `${resultPrefix}${resultFileNames.report}`;
  const stored = (await results.list()).find((each) => each.name === name);
  if (stored === undefined || stored.bytes > maxReportBytes) throw lacking(`there is no ${resultFileNames.report}`);
  const content = await buffer(results.read(name));
  const result = resultReportSchema.safeParse(parsedJson(content.toString('utf8'))).data;
  if (result === undefined || result.job.uid !== metadata.uid)
    throw lacking(`${resultFileNames.report} is damaged, or of another job`);
  return result;
}

function lacking(problem: string): CliError {
  return new CliError('failed', { about: '', problem, remedy: '' });
}

function teacherOf({ status }: DistillJob): ReportInput['teacher'] {
  const accuracy = status?.result?.teacherAccuracy;
  return accuracy === undefined ? null : { accuracy, metrics: {} };
}
