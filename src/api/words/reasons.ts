/**
 * The one home of every text of status and events that a user sees: condition types, reasons, and their messages.
 * `conditions.*` state what is true, `events.*` what just happened; neither makes a decision.
 */
import { count, printable } from '@distillery/base';
import { type StoppedEarly, telemetryStaleMs } from '@distillery/protocol';

import { forceDeleteAnnotation, kueue } from './names.js';
import type { Problem } from '../schema/index.js';

/** Condition types, in the order in which `kubectl describe` shows them. */
export const conditionTypes = [
  'Accepted',
  'Queued',
  'TeachersAvailable',
  'StudentRunning',
  'Progressing',
  'ScaledByOthers',
  'Suspended',
  'Complete',
  'Failed',
  'Reconciling',
  'Stalled',
] as const;
export type ConditionType = (typeof conditionTypes)[number];

/** A condition without its times, which are added when the status is written. */
export interface ConditionDraft {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export interface EventDraft {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Reasons that code compares. */
export const reasons = {
  Accepted: 'Accepted',
  BackingOff: 'BackingOff',
  Blocked: 'Blocked',
  CapturedByDefaultQueue: 'CapturedByDefaultQueue',
  BrokerUnreachable: 'BrokerUnreachable',
  CannotStart: 'CannotStart',
  Deleting: 'Deleting',
  KueueNotReadable: 'KueueNotReadable',
  KueueNotServed: 'KueueNotServed',
  KueueTooOld: 'KueueTooOld',
  HorizontalPodAutoscaler: 'HorizontalPodAutoscaler',
  Limited: 'Limited',
  NoFreeSlots: 'NoFreeSlots',
  Queued: 'Queued',
  Refused: 'Refused',
  ScaledObject: 'ScaledObject',
  Stalled: 'Stalled',
  Starting: 'Starting',
  StreamsUnreachable: 'StreamsUnreachable',
  TeacherError: 'TeacherError',
  TeachersFailing: 'TeachersFailing',
  TelemetryGap: 'TelemetryGap',
  WaitingForKueue: 'WaitingForKueue',
  WaitingForQuota: 'WaitingForQuota',
  WorkloadStopped: 'WorkloadStopped',
} as const;

/** Why a job has its number of teachers: the reason, and how it reads in a sentence. */
const demandReasons = {
  NoTeacherNeeded: 'labels alone are trained',
  NothingLeftToCompute: 'nothing is left to compute',
  Suspended: 'the job is suspended',
  Queued: 'the student waits in its queue',
  Finished: 'the job is over',
  Refused: 'the job cannot be run',
  Deleting: 'the job is being deleted',
  FillWindow: 'to fill the window',
  MatchStudent: "to match the student's rate",
  TelemetryGap: 'held: no telemetry from the student',
} as const;
export type DemandReason = keyof typeof demandReasons;

/** A reason of `status.teachers.pools` in words; a reason that this release does not know stays as it is. */
export function demandText(reason: string): string {
  return Object.hasOwn(demandReasons, reason) ? demandReasons[reason as DemandReason] : reason;
}

export interface TeacherCounts {
  readonly ready: number;
  readonly desired: number;
}

/** An autoscaler of others, aimed at one of a job's Deployments. */
export interface Autoscaler {
  readonly kind: 'HorizontalPodAutoscaler' | 'ScaledObject';
  readonly name: string;
  readonly deployment: string;
}

function condition(
  type: ConditionType,
  status: ConditionDraft['status'],
  reason: string,
  message: string,
): ConditionDraft {
  return { type, status, reason, message: shortened(message) };
}

/** Maximum length of a message. The API server takes 32768 characters; a longer message helps no reader. */
const longestMessage = 1024;

/** Messages may quote pods and servers, so every condition and event goes through here. */
function shortened(message: string): string {
  const line = printable(message);
  return line.length <= longestMessage ? line : `${line.slice(0, longestMessage - 1)}…`;
}

function firstOf(problems: readonly Problem[]): string {
  const [first] = problems;
  const rest = problems.length - 1;
  return `${first?.message ?? ''}${rest > 0 ? ` (and ${String(rest)} more)` : ''}`;
}

/** A sentence of Kueue after ours; it ends the sentence. */
const saidBy = (said: string): string => (said === '' ? '.' : `: ${said.replace(/\.$/, '')}.`);
/** The numbers behind it, where they are known. */
const because = (why: string): string => (why === '' ? '' : ` (${why})`);
const limits = (notes: readonly string[]): string =>
  `The administrator's limits for this namespace apply: ${notes.join(' ')}`;
const readyOf = ({ ready, desired }: TeacherCounts): string => `${String(ready)} of ${count(desired, 'teacher')} ready`;

export const conditions = {
  accepted: {
    /** @param limited one sentence for each value that was cut to a limit */
    valid: (limited: readonly string[] = []) =>
      condition(
        'Accepted',
        'True',
        'Valid',
        `The job is valid and can be run.${limited.length === 0 ? '' : ` ${limits(limited)}`}`,
      ),
    overLimit: (sentence: string) => condition('Accepted', 'False', 'OverLimit', sentence),
    invalid: (problems: readonly Problem[]) => condition('Accepted', 'False', 'Invalid', firstOf(problems)),
    notSupported: (problems: readonly Problem[]) => condition('Accepted', 'False', 'NotSupported', firstOf(problems)),
    refusedByCluster: (sentence: string) =>
      condition('Accepted', 'False', 'RefusedByCluster', `The API server refuses what the job asks for: ${sentence}`),
  },
  queued: {
    admitted: (queue: string) =>
      condition('Queued', 'False', 'Admitted', `Kueue has admitted the student through LocalQueue ${queue}.`),
    suspended: () => condition('Queued', 'False', 'Suspended', 'The job is suspended and waits for no quota.'),
    teachersOnly: (queue: string) =>
      condition(
        'Queued',
        'False',
        'TeachersQueued',
        `Teachers get quota from LocalQueue ${queue}; the student needs none.`,
      ),
    waitingForKueue: (queue: string, job: string) =>
      condition(
        'Queued',
        'True',
        reasons.WaitingForKueue,
        `Kueue has not taken up Job ${job} for LocalQueue ${queue} yet. If this stays: check that Kueue runs, has the integration ` +
          'batch/job, and manages this namespace (managedJobsNamespaceSelector).',
      ),
    waitingForQuota: (queue: string, said: string) =>
      condition('Queued', 'True', reasons.WaitingForQuota, `The student waits in LocalQueue ${queue}${saidBy(said)}`),
    stopped: (workload: string) =>
      condition(
        'Queued',
        'True',
        reasons.WorkloadStopped,
        `Workload ${workload} was stopped, not by this job's spec.suspend. Set its spec.active to true to continue.`,
      ),
    kueueNotServed: (waits: boolean) =>
      condition(
        'Queued',
        waits ? 'True' : 'False',
        reasons.KueueNotServed,
        `The job names a LocalQueue, and the cluster does not serve ${kueue.group}/${kueue.version}. Install Kueue, or make the ` +
          'job without queueName.',
      ),
    kueueTooOld: (waits: boolean) =>
      condition(
        'Queued',
        waits ? 'True' : 'False',
        reasons.KueueTooOld,
        `The job names a LocalQueue, and the cluster serves an older version than ${kueue.group}/${kueue.version}: this operator ` +
          'reads no Workloads, and suspend and messages of the queue do not work. Upgrade Kueue.',
      ),
    kueueNotReadable: (waits: boolean) =>
      condition(
        'Queued',
        waits ? 'True' : 'False',
        reasons.KueueNotReadable,
        'The job names a LocalQueue, and the operator may not list workloads.kueue.x-k8s.io. Upgrade the chart, or give its ' +
          'ServiceAccount the verbs list, watch and patch.',
      ),
    /** @param what the objects; `said` is empty while nothing waits */
    captured: (waits: boolean, what: string, queue: string, said: string) =>
      condition(
        'Queued',
        waits ? 'True' : 'False',
        reasons.CapturedByDefaultQueue,
        `LocalQueue ${queue} took the ${what}, although the job does not name it${saidBy(said)} To use it, make the job ` +
          `with queueName and teacher.queueName. To avoid it, use a namespace without LocalQueue ${queue}, or exclude this one by ` +
          "Kueue's managedJobsNamespaceSelector.",
      ),
  },
  teachersAvailable: {
    waitingForQuota: (waits: string) =>
      condition('TeachersAvailable', 'False', reasons.WaitingForQuota, `No teacher is ready: ${waits}.`),
    queued: () =>
      condition('TeachersAvailable', 'False', 'Queued', 'The student waits in its queue; the job holds no slot.'),
    ready: (counts: TeacherCounts, why: string) =>
      condition('TeachersAvailable', 'True', 'TeachersReady', `${readyOf(counts)}${because(why)}.`),
    starting: (counts: TeacherCounts, why: string) =>
      condition(
        'TeachersAvailable',
        'False',
        'TeachersStarting',
        `${readyOf(counts)}; the others load their model${because(why)}.`,
      ),
    noFreeSlots: (why: string) =>
      condition(
        'TeachersAvailable',
        'False',
        reasons.NoFreeSlots,
        `No slot is free that a teacher may use; waiting for one${because(why)}.`,
      ),
    failing: (error: string) =>
      condition('TeachersAvailable', 'False', reasons.TeachersFailing, `No teacher is ready; last error: ${error}`),
    /** @param message of `failing`, as the status holds it */
    stillFailing: (message: string) => condition('TeachersAvailable', 'False', reasons.TeachersFailing, message),
    notNeeded: () =>
      condition('TeachersAvailable', 'False', 'NoTeacherNeeded', 'softWeight is 0: the labels alone are trained.'),
    nothingLeft: () =>
      condition(
        'TeachersAvailable',
        'False',
        'NothingLeftToCompute',
        'All logits are computed; every slot was given back.',
      ),
    suspended: () => condition('TeachersAvailable', 'False', 'Suspended', 'The job is suspended and holds no slot.'),
    finished: () => condition('TeachersAvailable', 'False', 'Finished', 'The job is over and holds no slot.'),
    refused: () => condition('TeachersAvailable', 'False', reasons.Refused, 'The job cannot be run and holds no slot.'),
    deleting: () =>
      condition('TeachersAvailable', 'False', reasons.Deleting, 'The job is being deleted and gives its slots back.'),
    unknown: () =>
      condition(
        'TeachersAvailable',
        'Unknown',
        reasons.TelemetryGap,
        'No telemetry from the job; the number of teachers is held.',
      ),
  },
  studentRunning: {
    queued: () =>
      condition('StudentRunning', 'False', 'Queued', 'The student waits in its queue; its checkpoint is kept.'),
    training: (attempt: number) =>
      condition('StudentRunning', 'True', 'Training', `Student process ${String(attempt)} is training.`),
    noCheckpoints: (attempt: number, fault: string) =>
      condition(
        'StudentRunning',
        'True',
        'CheckpointNotStored',
        `Student process ${String(attempt)} is training, and its newest checkpoint cannot be stored: ${fault}`,
      ),
    evaluating: () =>
      condition('StudentRunning', 'True', 'Evaluating', 'The student is measured on the evaluation split.'),
    exporting: () => condition('StudentRunning', 'True', 'Exporting', 'The trained student is being stored.'),
    starting: () =>
      condition('StudentRunning', 'False', 'StudentStarting', 'The student loads its model and checkpoint.'),
    backingOff: (failures: number, limit: number, error: string) =>
      condition(
        'StudentRunning',
        'False',
        reasons.BackingOff,
        `The student failed (${String(failures)} of at most ${String(limit)}) and is started again: ${error}`,
      ),
    cannotStart: (why: string) =>
      condition('StudentRunning', 'False', reasons.CannotStart, `The student cannot start: ${why}`),
    waitingForStreams: () => condition('StudentRunning', 'False', 'Waiting', 'Waiting for the streams.'),
    waitingForValidJob: () => condition('StudentRunning', 'False', 'Waiting', 'Waiting for a job that can be run.'),
    suspended: () => condition('StudentRunning', 'False', 'Suspended', 'The job is suspended; its checkpoint is kept.'),
    finished: () => condition('StudentRunning', 'False', 'Finished', 'The student has ended.'),
    deleting: () =>
      condition('StudentRunning', 'False', reasons.Deleting, 'The job is being deleted; its student is stopped.'),
    unknown: () =>
      condition(
        'StudentRunning',
        'Unknown',
        reasons.TelemetryGap,
        `No telemetry from the student for more than ${String(telemetryStaleMs / 1_000)} s.`,
      ),
  },
  progressing: {
    advancing: (step: number, steps: number) =>
      condition('Progressing', 'True', 'StepsTrained', `${String(step)} of ${count(steps, 'step')} trained.`),
    starting: () =>
      condition('Progressing', 'True', reasons.Starting, 'No step was trained yet; the parts are starting.'),
    starved: (waitPercent: number) =>
      condition(
        'Progressing',
        'True',
        'WaitingForLogits',
        `The student waits for logits ${String(waitPercent)} % of its time; more teachers would help.`,
      ),
    stalled: (seconds: number) =>
      condition('Progressing', 'False', reasons.Stalled, `No step was trained for ${count(seconds, 'second')}.`),
    brokerLost: (error: string) =>
      condition('Progressing', 'False', reasons.BrokerUnreachable, `NATS cannot be reached: ${error}`),
    blocked: (error: string) =>
      condition('Progressing', 'False', reasons.Blocked, `Changes cannot be applied; retrying: ${error}`),
    queued: () =>
      condition('Progressing', 'False', reasons.Queued, 'The student waits in its queue; Queued says for what.'),
    suspended: () =>
      condition('Progressing', 'False', 'Suspended', 'The job is suspended; set spec.suspend to false to continue.'),
    finished: () => condition('Progressing', 'False', 'Finished', 'The job is over.'),
    refused: () => condition('Progressing', 'False', reasons.Refused, 'The job cannot be run; Accepted says why.'),
    stopping: () =>
      condition('Progressing', 'False', reasons.Deleting, 'The job is being deleted; its pods are still ending.'),
    removingStreams: () =>
      condition('Progressing', 'False', reasons.Deleting, 'The job is being deleted; its streams are being removed.'),
    streamsStay: (error: string) =>
      condition(
        'Progressing',
        'False',
        reasons.StreamsUnreachable,
        `The job is being deleted, but NATS cannot be reached to remove its streams: ${error.replace(/\.$/, '')}. Bring NATS back, or let the ` +
          `job go and leave them behind: set the annotation ${forceDeleteAnnotation} to "true".`,
      ),
  },
  /** Only while it is True. */
  scaledByOthers: {
    yes: ({ kind, name, deployment }: Autoscaler, others: number) =>
      condition(
        'ScaledByOthers',
        'True',
        kind,
        `${kind} ${name} sets the replicas of Deployment ${deployment}, and so does the operator, again and again. ` +
          `Delete it${others === 0 ? '' : ` and ${count(others, 'other')}`}: minReplicas and maxReplicas of the pool bound the teachers.`,
      ),
  },
  suspended: {
    yes: () => condition('Suspended', 'True', 'SuspendRequested', 'spec.suspend is true.'),
    no: () => condition('Suspended', 'False', 'NotSuspended', 'spec.suspend is false.'),
  },
  complete: {
    yes: (steps: number, digest: string) =>
      condition('Complete', 'True', 'AllStepsTrained', `All ${count(steps, 'step')} trained; weights ${digest}.`),
    early: (steps: number, early: StoppedEarly, digest: string) =>
      condition('Complete', 'True', 'StoppedEarly', `${earlyText(steps, early)}; weights ${digest}.`),
    no: () => condition('Complete', 'False', 'NotComplete', 'Steps are left to train.'),
  },
  failed: {
    no: () => condition('Failed', 'False', 'NotFailed', 'Nothing has ended the job.'),
    backoffLimit: (failures: number, error: string) =>
      condition(
        'Failed',
        'True',
        'BackoffLimitExceeded',
        `The student failed ${count(failures, 'time')}, more than backoffLimit allows; the last error: ${error}`,
      ),
    studentError: (error: string) =>
      condition(
        'Failed',
        'True',
        'StudentError',
        `The student cannot continue, and trying again would not help: ${error}`,
      ),
    teacherError: (error: string) =>
      condition(
        'Failed',
        'True',
        reasons.TeacherError,
        `No teacher can start, and trying again would not help: ${error}`,
      ),
  },
  reconciling: {
    yes: (reason: string, message: string) => condition('Reconciling', 'True', reason, message),
    no: () => condition('Reconciling', 'False', 'AsRequested', 'The job is in the state that its spec asks for.'),
    stalled: () =>
      condition('Reconciling', 'False', reasons.Stalled, 'Waiting does not help: Stalled says what somebody must do.'),
  },
  stalled: {
    yes: (reason: string, message: string) => condition('Stalled', 'True', reason, message),
    no: () => condition('Stalled', 'False', 'NotStalled', 'Nothing needs a person.'),
  },
} as const;

function earlyText(steps: number, { metric, plannedSteps, bestStep }: StoppedEarly): string {
  const since = bestStep === null ? 'never improved' : `has not improved since step ${String(bestStep)}`;
  return `Training ended early, after ${String(steps)} of ${count(plannedSteps, 'step')}: ${metric} ${since}`;
}

function event(type: EventDraft['type'], reason: string, message: string): EventDraft {
  return { type, reason, message: shortened(message) };
}

export const events = {
  accepted: () => event('Normal', reasons.Accepted, 'The job is valid; its streams are being created.'),
  refused: (sentence: string) => event('Warning', reasons.Refused, sentence),
  limited: (notes: readonly string[]) => event('Warning', reasons.Limited, limits(notes)),
  streamsStay: (error: string) =>
    event('Warning', reasons.StreamsUnreachable, `The streams cannot be removed, so the job waits: ${error}`),
  streamsAbandoned: () =>
    event(
      'Warning',
      'StreamsAbandoned',
      `Let go by ${forceDeleteAnnotation}; the job's streams may stay behind in NATS.`,
    ),
  expired: () => event('Normal', 'Expired', 'ttlSecondsAfterFinished is over: the job and all it owns are deleted.'),
  teachersScaled: (pool: string, from: number, to: number, reason: DemandReason, why: string) =>
    event(
      'Normal',
      'TeachersScaled',
      `Pool ${pool}: ${String(from)} → ${count(to, 'teacher')} (${demandReasons[reason]}${why === '' ? '' : `; ${why}`}).`,
    ),
  teacherLost: (pool: string, lost: number) =>
    event('Normal', 'TeacherLost', `Pool ${pool} lost ${count(lost, 'teacher')}; others label what they held.`),
  teacherFailed: (error: string) => event('Warning', 'TeacherFailed', `A teacher failed: ${error}`),
  studentStarted: (attempt: number, step: number) =>
    event('Normal', 'StudentStarted', `Student process ${String(attempt)} started at step ${String(step)}.`),
  studentLost: () =>
    event('Normal', 'StudentLost', 'The student was disrupted; a new one continues from its checkpoint.'),
  studentFailed: (failures: number, limit: number, error: string) =>
    event(
      'Warning',
      'StudentFailed',
      failures > limit
        ? `The student failed, once more than backoffLimit (${String(limit)}) allows: ${error}`
        : `The student failed (${String(failures)} of at most ${String(limit)}): ${error}`,
    ),
  noted: (note: string) => event('Normal', 'Noted', `${note.slice(0, 1).toUpperCase()}${note.slice(1)}`),
  streamsCreated: (missing: readonly string[]) =>
    event('Normal', 'StreamsCreated', `Created ${missing.length === 0 ? 'the streams' : missing.join(', ')}.`),
  blocked: (error: string) => event('Warning', reasons.Blocked, error),
  scaledByOthers: (sentence: string) => event('Warning', 'ScaledByOthers', sentence),
  brokerLost: (error: string) => event('Warning', reasons.BrokerUnreachable, `NATS cannot be reached: ${error}`),
  workItemDead: (step: number, teacher: string, error: string) =>
    event('Warning', 'WorkItemDead', `No teacher could label step ${String(step)}; ${teacher} said: ${error}`),
  queued: (why: string) => event('Normal', 'Queued', why),
  admitted: (why: string) => event('Normal', 'Admitted', why),
  captured: (why: string) => event('Warning', reasons.CapturedByDefaultQueue, why),
  suspended: () => event('Normal', 'Suspended', 'The job was suspended; every slot was given back.'),
  resumed: () => event('Normal', 'Resumed', 'The job continues from its checkpoint.'),
  complete: (steps: number) => event('Normal', 'Complete', `All ${count(steps, 'step')} trained.`),
  stoppedEarly: (steps: number, early: StoppedEarly) => event('Normal', 'Complete', `${earlyText(steps, early)}.`),
  failed: (why: string) => event('Warning', 'Failed', why),
} as const;
