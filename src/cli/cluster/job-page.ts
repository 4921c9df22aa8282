/** The page of `distill status`: sections that are always there, what is wrong last. Pure. */
import { printable } from '@distillery/base';

import { wantedTeachers } from '../../api/index.js';

import { bytes, duration } from '../shared/format.js';
import { aligned } from '../shared/columns.js';
import { metricsByName, scoresText } from '../shared/scores.js';

import type { JobFacts } from './job-facts.js';

/** A line of the page; `problem` is red on a terminal. */
export interface PageLine {
  readonly text: string;
  readonly kind: 'heading' | 'text' | 'problem';
}

export interface PageOptions {
  /** All events and conditions, and what the job does not use. */
  readonly verbose: boolean;
}

/** Of events on a page that is not verbose. */
const lastEvents = 5;

const notConfigured = 'Not configured';

export function jobPage(facts: JobFacts, options: PageOptions): PageLine[] {
  return [
    ...section('Job Summary', summary(facts)),
    ...section('Progress', progress(facts)),
    ...section('Teachers', fleet(facts)),
    ...section('Pods', pods(facts)),
    ...section('Streams', streams(facts)),
    ...section('Result', result(facts)),
    ...(options.verbose ? section('Conditions', conditions(facts)) : []),
    ...section('Events', events(facts, options)),
    ...problems(facts),
  ];
}

function section(title: string, body: string): PageLine[] {
  return [
    { text: title, kind: 'heading' },
    ...body.split('\n').map((text) => ({ text, kind: 'text' as const })),
    { text: '', kind: 'text' },
  ];
}

const fields = (rows: readonly (readonly [string, string])[]): string =>
  aligned(
    rows.map(([name, value]) => [`${name}:`, printable(value)]),
    [],
  );

function summary({ job, ageSeconds }: JobFacts): string {
  const { metadata, spec, status } = job;
  const { queueName } = spec as { readonly queueName?: string };
  return fields([
    ['Name', `${metadata.namespace ?? ''}/${metadata.name}`],
    ['Phase', status?.phase ?? 'Unknown'],
    ['Age', duration(ageSeconds)],
    ['Suspended', spec.suspend ? 'yes' : 'no'],
    ['Weight', String(spec.weight)],
    ['Queue', queueName ?? notConfigured],
    ['Data', spec.dataset.uri],
    ['Teacher', spec.teacher.model.uri],
    ['Student', spec.student.model.uri],
    ['Start weights', spec.student.model.weights?.uri ?? notConfigured],
    ['Student processes', `${String(status?.attempts ?? 0)}; ${failures(job)}`],
    ['Disruptions', disruptions(job)],
    ['Slot hours', slotHours(job)],
  ]);
}

type Job = JobFacts['job'];

const failures = ({ spec, status }: Job): string =>
  `${String(status?.failures ?? 0)} of at most ${String(spec.backoffLimit)} failures`;

function disruptions({ status }: Job): string {
  const { teacher = 0, student = 0 } = status?.disruptions ?? {};
  return `${String(teacher)} of teachers, ${String(student)} of the student`;
}

function slotHours({ status }: Job): string {
  const { teacherSlotSeconds = 0, studentSlotSeconds = 0 } = status?.usage ?? {};
  return `${(teacherSlotSeconds / 3_600).toFixed(2)} of teachers, ${(studentSlotSeconds / 3_600).toFixed(2)} of the student`;
}

function progress({ job }: JobFacts): string {
  const { progress: at } = job.status ?? {};
  if (at === undefined) return 'Nothing is trained yet.';
  const scores = { accuracy: at.accuracy ?? null, metrics: metricsByName(at.metrics) };
  return fields([
    ['Step', `${String(at.step)} of ${String(at.steps)} (${String(at.percent)} %), epoch ${String(at.epoch + 1)}`],
    ['Rate', at.samplesPerSecond === undefined ? 'unknown' : `${at.samplesPerSecond.toFixed(0)} samples a second`],
    ['Time left', at.secondsLeft === undefined ? 'unknown' : duration(at.secondsLeft)],
    ['Loss', at.loss === undefined ? 'unknown' : at.loss.toPrecision(4)],
    ['Scores', scoresText(scores, ', ') || 'not measured yet'],
  ]);
}

function fleet({ job }: JobFacts): string {
  const { teachers } = job.status ?? {};
  const rows = job.spec.teacher.pools.map(({ name, resource = 'cpu', minReplicas, maxReplicas }) => {
    const pool = teachers?.pools.find((one) => one.name === name);
    const numbers = [pool?.ready ?? 0, pool?.desired ?? 0, wantedTeachers(pool), minReplicas, maxReplicas].map(String);
    return [name, resource, ...numbers, pool?.reason ?? '', pool?.why ?? ''];
  });
  if (rows.length === 0) return notConfigured;
  const head = ['Pool', 'Resource', 'Ready', 'Gets', 'Wants', 'Least', 'Most', 'Reason', 'Why'];
  const rate = teachers === undefined ? '' : `, ${teachers.samplesPerSecond.toFixed(0)} samples a second`;
  return `${String(teachers?.ready ?? 0)} of ${String(teachers?.desired ?? 0)} ready${rate}\n${table(head, rows, [2, 3, 4, 5, 6])}`;
}

function pods({ pods: found }: JobFacts): string {
  if (found.length === 0) return 'None';
  const rows = found.map(({ name, role, pool, node, state, restarts, ageSeconds }) => {
    return [name, pool === '' ? role : `${role} ${pool}`, node ?? '', state, String(restarts), duration(ageSeconds)];
  });
  return table(['Name', 'Role', 'Node', 'State', 'Restarts', 'Age'], rows, [4, 5]);
}

function streams({ job }: JobFacts): string {
  const { spec, status } = job;
  const { logits, student } = spec;
  const { buffer, deadItems } = status ?? {};
  return fields([
    ['Logits', `${logits.storage}, replicas ${String(logits.replicas)}, at most ${sizeText(logits.maxBytes)}`],
    ['Stored', buffer === undefined ? 'nothing yet' : `${String(buffer.frames)} frames, ${bytes(buffer.bytes)}`],
    ['Student waits', buffer === undefined ? 'unknown' : `${(buffer.waitFraction * 100).toFixed(0)} % of the time`],
    ['Reuse', logits.reuse === 'Never' ? notConfigured : logits.reuse],
    ['Logits of a job', logits.from?.job ?? notConfigured],
    ['Checkpoints', `every ${String(student.checkpoint.everySteps)} steps into ${student.checkpoint.store}`],
    ['Dead items', String(deadItems?.count ?? 0)],
  ]);
}

const sizeText = (size: number | string): string => (typeof size === 'number' ? bytes(size) : size);

function result({ job }: JobFacts): string {
  const { result: reached } = job.status ?? {};
  if (reached === undefined) return fields([['Output', job.spec.student.output.store]]);
  const scores = { accuracy: reached.accuracy ?? null, metrics: metricsByName(reached.metrics) };
  return fields([
    ['Output', job.spec.student.output.store],
    ['Digest', reached.digest],
    ['Scores', scoresText(scores, ', ') || 'not measured'],
  ]);
}

function conditions({ job }: JobFacts): string {
  const rows = (job.status?.conditions ?? []).map(({ type, status, reason, message }) => [
    type,
    status,
    reason,
    message,
  ]);
  return rows.length === 0 ? 'None' : table(['Type', 'Status', 'Reason', 'Message'], rows, []);
}

function events({ events: found }: JobFacts, { verbose }: PageOptions): string {
  if (found.length === 0) return 'None';
  return eventTable(verbose ? found : found.slice(-lastEvents));
}

/** @param found the latest last */
export function eventTable(found: JobFacts['events']): string {
  const rows = found.map(({ atMs, severity, reason, about, times, message }) => {
    return [new Date(atMs).toISOString().slice(0, 19), severity, reason, about, String(times), message];
  });
  return table(['Time (UTC)', 'Type', 'Reason', 'Object', 'Times', 'Message'], rows, [4]);
}

/** A line break in a cell would forge a line of the page. @param right columns of numbers */
export function table(head: readonly string[], rows: readonly (readonly string[])[], right: readonly number[]): string {
  const lines = head.map((title) => '-'.repeat(title.length));
  return aligned([head, lines, ...rows.map((row) => row.map(printable))], right);
}

function problems({ problems: found, refused }: JobFacts): PageLine[] {
  const lines = [...found, ...refused].map((text) => ({ text, kind: 'problem' as const }));
  if (lines.length === 0) return [{ text: 'Nothing is wrong.', kind: 'text' }];
  return [{ text: 'Problems', kind: 'heading' }, ...lines];
}
