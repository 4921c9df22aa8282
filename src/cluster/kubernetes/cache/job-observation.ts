/**
 * From the cached objects of one job to the observation that a decision sees. Pure.
 *
 * Deployments and batch Jobs count failures. What no object counts (slot seconds) continues from the job's status, so
 * that a restarted operator continues where the previous one stopped.
 */
import { chargeOf, isEndFromOutside, workerExitCodes } from '@distillery/protocol';

import type { DistillJob, TeacherPool } from '../../../api/index.js';
import { slotResource } from '../../../domain/index.js';
import type {
  ClusterObservation,
  EndedProcess,
  KueueSupport,
  PodNeeds,
  PoolObservation,
  StudentObservation,
  StudentQueue,
} from '../../../domain/index.js';

import type { AutoscalerView } from './autoscalers.js';
import type { PodView, WorkerView } from './pod-view.js';
import type { DeploymentView, StudentJobView } from './views.js';
import type { WorkloadView } from './workload-view.js';

/** Everything cached that belongs to one job. */
export interface JobObjects {
  readonly deployments: readonly DeploymentView[];
  readonly student: StudentJobView | null;
  /** Ended pods included, until they are deleted. */
  readonly pods: readonly PodView[];
}

export interface ObservationFacts {
  readonly job: DistillJob;
  readonly objects: JobObjects;
  /** What a pool's teachers request of a node. */
  readonly needsOf: (pool: TeacherPool) => PodNeeds;
  /** Teachers of a pool that were lost so far. */
  readonly disruptions: (pool: string) => number;
  /** Autoscalers of others that are aimed at a Deployment. */
  readonly autoscalersOf: (deployment: string) => readonly AutoscalerView[];
  readonly refusal: string | null;
  readonly kueue: KueueSupport;
  /** Kueue's Workload of an object, by its uid. */
  readonly workloadOf: (ownerUid: string) => WorkloadView | null;
  readonly nowMs: number;
}

type Worker = PodView & { readonly worker: WorkerView };

export function observationOf(facts: ObservationFacts): ClusterObservation {
  const { job, objects, refusal } = facts;
  const workers = objects.pods.filter((pod): pod is Worker => pod.worker !== null);
  const teachers = workers.filter(({ worker }) => worker.component === 'teacher');
  const students = workers.filter(({ worker }) => worker.component === 'student');
  return {
    pools: job.spec.teacher.pools.map((pool) => poolOf(pool, teachers, facts)),
    student: studentOf(students, objects.student, facts),
    remains: objects.deployments.length > 0 || objects.student !== null || workers.some(({ ended }) => !ended),
    refusal,
    kueue: facts.kueue,
    ...contestedBy(facts),
    usage: usageOf(workers, facts),
  };
}

function contestedBy({ objects, autoscalersOf }: ObservationFacts): Pick<ClusterObservation, 'autoscalers'> {
  const found = objects.deployments.flatMap(({ name }) => autoscalersOf(name));
  if (found.length === 0) return {};
  return { autoscalers: found.map(({ kind, name, deployment }) => ({ kind, name, deployment })) };
}

function poolOf(pool: TeacherPool, teachers: readonly Worker[], facts: ObservationFacts): PoolObservation {
  const { name } = pool;
  const needs = facts.needsOf(pool);
  const resource = slotResource(pool.resource, needs.requests);
  const pods = teachers.filter(({ worker, ended }) => worker.pool === name && !ended);
  const troubled = pods.filter(({ worker, terminating }) => !worker.ready && !terminating);
  const deployment = facts.objects.deployments.find((one) => one.pool === name) ?? null;
  const failure = deployment?.failure ?? null;
  return {
    name,
    needs,
    resource,
    pods: pods.map((pod) => ({
      name: pod.name,
      node: pod.node,
      terminating: pod.terminating,
      ready: pod.worker.ready,
      createdAtMs: pod.worker.createdAtMs,
      ...(pod.worker.gated ? { gated: true } : {}),
    })),
    unplacedSinceMs: earliest(unplacedSinceMs(pods), uncreatedSinceMs(deployment, pods)),
    disruptions: facts.disruptions(name),
    failuresInARow: Math.max(0, ...troubled.filter(failedByItself).map(({ worker }) => worker.restarts)),
    lastError: troubleOf(troubled) ?? (failure === null ? null : { exitCode: null, message: failure.message }),
    queue: deployment?.queue ?? null,
    ...quotaMessage(pods, facts),
  };
}

function quotaMessage(
  pods: readonly Worker[],
  { workloadOf }: ObservationFacts,
): Pick<PoolObservation, 'quotaMessage'> {
  const [held] = pods.filter(({ worker, terminating }) => worker.gated && !terminating);
  const message = held === undefined ? '' : (workloadOf(held.uid)?.message ?? '');
  return message === '' ? {} : { quotaMessage: message };
}

/** A worker is only stuck without a node when the scheduler has said that none takes it. */
function unplacedSinceMs(pods: readonly Worker[]): number | null {
  const unplaced = pods.filter(({ worker, waits }) => worker.stuck !== null && waits !== null);
  return earliest(...unplaced.map(({ worker }) => worker.createdAtMs));
}

/** A failure that is reported although every pod is there is over. */
function uncreatedSinceMs(deployment: DeploymentView | null, pods: readonly Worker[]): number | null {
  const created = pods.filter(({ terminating }) => !terminating).length;
  return deployment === null || created >= deployment.replicas ? null : (deployment.failure?.sinceMs ?? null);
}

function earliest(...times: readonly (number | null)[]): number | null {
  const known = times.filter((time) => time !== null);
  return known.length === 0 ? null : Math.min(...known);
}

function failedByItself({ worker: { lastEnd } }: Worker): boolean {
  if (lastEnd === null) return false;
  const { exitCode, reason } = lastEnd;
  return reason === outOfMemory || (exitCode !== workerExitCodes.done && !isEndFromOutside(exitCode));
}

/** The newest reason why pods do not work. */
function troubleOf(pods: readonly Worker[]): EndedProcess | null {
  const [ended] = pods.filter(failedByItself).toSorted((a, b) => endedAtMs(b) - endedAtMs(a));
  const end = ended?.worker.lastEnd;
  if (end !== undefined && end !== null) return { exitCode: end.exitCode, message: endMessage(end) };
  const stuck = pods.map(({ worker }) => worker.stuck).find((reason) => reason !== null);
  return stuck === undefined ? null : { exitCode: null, message: stuck };
}

const outOfMemory = 'OOMKilled';

function endMessage({ exitCode, reason, message }: NonNullable<WorkerView['lastEnd']>): string {
  if (reason === outOfMemory) {
    return 'OOMKilled: it exceeded its memory limit; raise resources.limits.memory in its template';
  }
  if (message !== '') return message;
  return `exited with code ${String(exitCode)}${reason === '' ? '' : ` (${reason})`} and no termination message`;
}

const endedAtMs = ({ worker }: Worker): number => worker.lastEnd?.finishedAtMs ?? 0;

/**
 * The student as its batch Job reports it. Disruptions are not counted here: they follow from the attempts, which the
 * students count.
 */
function studentOf(pods: readonly Worker[], job: StudentJobView | null, facts: ObservationFacts): StudentObservation {
  const { nowMs } = facts;
  const starts = pods.length;
  // Without a Job, the count in the status stays.
  const failures = job?.failures ?? facts.job.status?.failures ?? 0;
  const [last] = pods.filter(({ worker }) => worker.failed).toSorted((a, b) => endedAtMs(b) - endedAtMs(a));
  const lastEnd = last?.worker.lastEnd ?? null;
  const lastError =
    lastEnd === null || isDisruption(last) ? null : { exitCode: lastEnd.exitCode, message: endMessage(lastEnd) };
  const counts = { starts, failures, disruptions: null, queue: studentQueue(job, facts) };
  if (job === null || job.deleting) return { ...counts, phase: 'Absent', lastError: null };
  if (job.ended !== null) return { ...counts, phase: job.ended, lastError };
  if (job.suspended) return { ...counts, phase: 'Absent', lastError: null };
  const active = pods.filter(({ ended }) => !ended);
  if (starts === 0 && job.startedAtMs !== null && nowMs - job.startedAtMs > podPatienceMs) {
    // A Deployment reports in its status why it cannot create pods; a batch Job only in Events.
    const message = `Job ${job.name} could not create a pod: a quota, a webhook or its template may be preventing it; see kubectl describe job ${job.name}`;
    return { ...counts, phase: 'BackingOff', lastError: { exitCode: null, message } };
  }
  if (active.length === 0) return { ...counts, phase: 'BackingOff', lastError };
  const stuck = active.map(({ worker }) => worker.stuck).find((reason) => reason !== null);
  if (stuck !== undefined) return { ...counts, phase: 'BackingOff', lastError: { exitCode: null, message: stuck } };
  return { ...counts, phase: 'Running', lastError };
}

function studentQueue(job: StudentJobView | null, { workloadOf }: ObservationFacts): StudentQueue | null {
  if (job === null || job.deleting || job.queue === null) return null;
  const found = workloadOf(job.uid);
  return {
    name: job.queue,
    admitted: !job.suspended,
    workload:
      found === null
        ? null
        : { name: found.name, active: found.active, stoppedByUs: found.stoppedByUs, message: found.message },
  };
}

/** The job controller creates a pod within seconds, or within this time when a thousand jobs are created at once. */
const podPatienceMs = 60_000;

/**
 * An end from outside, without an error to report. Running out of memory is not charged either, but it is reported. Bad
 * input fails the job whatever happened to its student meanwhile.
 */
function isDisruption(pod: Worker | undefined): boolean {
  if (pod === undefined) return false;
  const { disrupted, lastEnd } = pod.worker;
  return !failedByItself(pod) || (disrupted && (lastEnd === null || chargeOf(lastEnd.exitCode) !== 'fatal'));
}

/**
 * Slot seconds: the count in the status, plus the lifetime of pods since then. A pod counts from the second in which
 * its kubelet accepted it. Status and pods both have whole seconds, so that rounding loses nothing however often the
 * count is written.
 */
function usageOf(workers: readonly Worker[], { job, nowMs }: ObservationFacts): ClusterObservation['usage'] {
  const before = job.status?.usage;
  const toMs = Math.floor(nowMs / 1_000) * 1_000;
  const fromMs = before?.accountedUntil === undefined ? 0 : Date.parse(before.accountedUntil);
  const slots = new Map(job.spec.teacher.pools.map(({ name, slotsPerReplica }) => [name, slotsPerReplica]));
  const lived = (component: 'teacher' | 'student'): number =>
    workers
      .filter(({ worker, node }) => worker.component === component && node !== null && worker.startedAtMs !== null)
      .map(({ worker, ended }) => {
        const untilMs = ended ? (worker.lastEnd?.finishedAtMs ?? 0) : toMs;
        const sinceMs = Math.max(fromMs, worker.startedAtMs ?? toMs);
        return (Math.max(0, untilMs - sinceMs) / 1_000) * (slots.get(worker.pool) ?? 1);
      })
      .reduce((sum, seconds) => sum + seconds, 0);
  return {
    teacherSlotSeconds: Math.round((before?.teacherSlotSeconds ?? 0) + lived('teacher')),
    studentSlotSeconds: Math.round((before?.studentSlotSeconds ?? 0) + lived('student')),
  };
}
