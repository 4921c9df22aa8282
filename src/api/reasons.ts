/**
 * Every word of status and events that a user sees has its one home here: condition types, reasons, and the sentences
 * that go with them. `conditions.*` say what is so, `events.*` what just happened; neither decides anything.
 */
import { printable } from '@distillery/base';

import { forceDeleteAnnotation } from './names.js';
import type { Problem } from './problem.js';

/** In the order in which `kubectl describe` shows them. */
export const conditionTypes = [
  'Accepted',
  'TeachersAvailable',
  'StudentRunning',
  'Progressing',
  'Suspended',
  'Complete',
  'Failed',
] as const;
export type ConditionType = (typeof conditionTypes)[number];

/** A condition without its times: who writes the status adds those. */
export interface ConditionClaim {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
}

export interface EventClaim {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
}

/** Why a job has the number of teachers it has: the word for machines, and how it reads in a sentence. */
const demandReasons = {
  NoTeacherNeeded: 'labels alone are trained',
  NothingLeftToCompute: 'nothing is left to compute',
  Suspended: 'the job is suspended',
  Finished: 'the job is over',
  Refused: 'the job cannot be run',
  Deleting: 'the job is being deleted',
  FillWindow: 'to fill the window',
  MatchStudent: "to match the student's rate",
  TelemetryGap: 'held: nothing was heard of the student',
} as const;
export type DemandReason = keyof typeof demandReasons;

interface Fleet {
  readonly ready: number;
  readonly desired: number;
}

/** Reasons of conditions and events: one word each, which scripts and the controller compare. */
export const reasons = {
  Accepted: 'Accepted',
  AllStepsTrained: 'AllStepsTrained',
  BackingOff: 'BackingOff',
  BackoffLimitExceeded: 'BackoffLimitExceeded',
  BrokerUnreachable: 'BrokerUnreachable',
  CannotStart: 'CannotStart',
  CheckpointNotStored: 'CheckpointNotStored',
  Complete: 'Complete',
  Deleting: 'Deleting',
  Evaluating: 'Evaluating',
  Expired: 'Expired',
  Exporting: 'Exporting',
  Failed: 'Failed',
  Finished: 'Finished',
  Hindered: 'Hindered',
  Invalid: 'Invalid',
  Limited: 'Limited',
  NoFreeSlots: 'NoFreeSlots',
  NoTeacherNeeded: 'NoTeacherNeeded',
  NotComplete: 'NotComplete',
  NotFailed: 'NotFailed',
  NotSupported: 'NotSupported',
  NotSuspended: 'NotSuspended',
  NothingLeftToCompute: 'NothingLeftToCompute',
  OverLimit: 'OverLimit',
  Refused: 'Refused',
  RefusedByCluster: 'RefusedByCluster',
  Resumed: 'Resumed',
  Stalled: 'Stalled',
  Starting: 'Starting',
  StepsTrained: 'StepsTrained',
  StreamsAbandoned: 'StreamsAbandoned',
  StreamsCreated: 'StreamsCreated',
  StreamsUnreachable: 'StreamsUnreachable',
  StudentError: 'StudentError',
  StudentFailed: 'StudentFailed',
  StudentLost: 'StudentLost',
  StudentStarted: 'StudentStarted',
  StudentStarting: 'StudentStarting',
  SuspendRequested: 'SuspendRequested',
  Suspended: 'Suspended',
  TeacherError: 'TeacherError',
  TeacherFailed: 'TeacherFailed',
  TeacherLost: 'TeacherLost',
  TeachersFailing: 'TeachersFailing',
  TeachersReady: 'TeachersReady',
  TeachersScaled: 'TeachersScaled',
  TeachersStarting: 'TeachersStarting',
  TelemetryGap: 'TelemetryGap',
  Training: 'Training',
  Valid: 'Valid',
  Waiting: 'Waiting',
  WaitingForLogits: 'WaitingForLogits',
  WorkItemDead: 'WorkItemDead',
} as const;

function claim(type: ConditionType, status: ConditionClaim['status'], reason: string, message: string): ConditionClaim {
  return { type, status, reason, message: shortened(message) };
}

/** The API server takes 32768 characters; no person reads more than this. */
const longestMessage = 1024;

/** Words of pods and servers are part of messages: the one place through which all conditions and events go. */
function shortened(message: string): string {
  const line = printable(message);
  return line.length <= longestMessage ? line : `${line.slice(0, longestMessage - 1)}…`;
}

function count(number: number, noun: string): string {
  return number === 1 ? `1 ${noun}` : `${String(number)} ${noun}s`;
}

function firstOf(problems: readonly Problem[]): string {
  const [first] = problems;
  const rest = problems.length - 1;
  return `${first?.message ?? ''}${rest > 0 ? ` (and ${String(rest)} more)` : ''}`;
}

/** What there was to give, where anybody counted. */
const because = (why: string): string => (why === '' ? '' : ` (${why})`);
const limits = (notes: readonly string[]): string =>
  `The administrator's limits for this namespace apply: ${notes.join(' ')}`;
const fleet = ({ ready, desired }: Fleet): string => `${String(ready)} of ${count(desired, 'teacher')} ready`;

export const conditions = {
  accepted: {
    /** @param limited what counts as less than the job says, a sentence each */
    valid: (limited: readonly string[] = []) =>
      claim(
        'Accepted',
        'True',
        reasons.Valid,
        `The job is valid and can be run.${limited.length === 0 ? '' : ` ${limits(limited)}`}`,
      ),
    overLimit: (sentence: string) => claim('Accepted', 'False', reasons.OverLimit, sentence),
    invalid: (problems: readonly Problem[]) => claim('Accepted', 'False', reasons.Invalid, firstOf(problems)),
    notSupported: (problems: readonly Problem[]) => claim('Accepted', 'False', reasons.NotSupported, firstOf(problems)),
    refusedByCluster: (sentence: string) =>
      claim('Accepted', 'False', reasons.RefusedByCluster, `The API server refuses what the job asks for: ${sentence}`),
  },
  teachersAvailable: {
    ready: (state: Fleet, why: string) =>
      claim('TeachersAvailable', 'True', reasons.TeachersReady, `${fleet(state)}${because(why)}.`),
    starting: (state: Fleet, why: string) =>
      claim(
        'TeachersAvailable',
        'False',
        reasons.TeachersStarting,
        `${fleet(state)}; the others load their model${because(why)}.`,
      ),
    noFreeSlots: (why: string) =>
      claim(
        'TeachersAvailable',
        'False',
        reasons.NoFreeSlots,
        `No slot is free that a teacher may use; waiting for one${because(why)}.`,
      ),
    failing: (error: string) =>
      claim(
        'TeachersAvailable',
        'False',
        reasons.TeachersFailing,
        `No teacher is ready; the last word of one: ${error}`,
      ),
    notNeeded: () =>
      claim('TeachersAvailable', 'False', reasons.NoTeacherNeeded, 'softWeight is 0: the labels alone are trained.'),
    nothingLeft: () =>
      claim(
        'TeachersAvailable',
        'False',
        reasons.NothingLeftToCompute,
        'All logits are computed; every slot was given back.',
      ),
    suspended: () => claim('TeachersAvailable', 'False', reasons.Suspended, 'The job is suspended and holds no slot.'),
    finished: () => claim('TeachersAvailable', 'False', reasons.Finished, 'The job is over and holds no slot.'),
    refused: () => claim('TeachersAvailable', 'False', reasons.Refused, 'The job cannot be run and holds no slot.'),
    deleting: () =>
      claim('TeachersAvailable', 'False', reasons.Deleting, 'The job is being deleted and gives its slots back.'),
    unknown: () =>
      claim(
        'TeachersAvailable',
        'Unknown',
        reasons.TelemetryGap,
        'Nothing was heard of the teachers; their number is held.',
      ),
  },
  studentRunning: {
    training: (attempt: number) =>
      claim('StudentRunning', 'True', reasons.Training, `Student process ${String(attempt)} is training.`),
    noCheckpoints: (attempt: number, fault: string) =>
      claim(
        'StudentRunning',
        'True',
        reasons.CheckpointNotStored,
        `Student process ${String(attempt)} is training, and its newest checkpoint cannot be stored: ${fault}`,
      ),
    evaluating: () =>
      claim('StudentRunning', 'True', reasons.Evaluating, 'The student is measured on the evaluation split.'),
    exporting: () => claim('StudentRunning', 'True', reasons.Exporting, 'The trained student is being stored.'),
    starting: () =>
      claim('StudentRunning', 'False', reasons.StudentStarting, 'The student loads its model and checkpoint.'),
    backingOff: (failures: number, limit: number, error: string) =>
      claim(
        'StudentRunning',
        'False',
        reasons.BackingOff,
        `The student failed (${String(failures)} of at most ${String(limit)}) and is started again: ${error}`,
      ),
    cannotStart: (why: string) =>
      claim('StudentRunning', 'False', reasons.CannotStart, `The student cannot start: ${why}`),
    waiting: (forWhat: string) => claim('StudentRunning', 'False', reasons.Waiting, `Waiting for ${forWhat}.`),
    suspended: () =>
      claim('StudentRunning', 'False', reasons.Suspended, 'The job is suspended; its checkpoint is kept.'),
    finished: () => claim('StudentRunning', 'False', reasons.Finished, 'The student has ended.'),
    deleting: () =>
      claim('StudentRunning', 'False', reasons.Deleting, 'The job is being deleted; its student is stopped.'),
    unknown: () => claim('StudentRunning', 'Unknown', reasons.TelemetryGap, 'Nothing was heard of the student lately.'),
  },
  progressing: {
    advancing: (step: number, steps: number) =>
      claim('Progressing', 'True', reasons.StepsTrained, `${String(step)} of ${count(steps, 'step')} trained.`),
    starting: () => claim('Progressing', 'True', reasons.Starting, 'No step was trained yet; the parts are starting.'),
    starved: (waitPercent: number) =>
      claim(
        'Progressing',
        'True',
        reasons.WaitingForLogits,
        `The student waits for logits ${String(waitPercent)} % of its time; more teachers would help.`,
      ),
    stalled: (seconds: number) =>
      claim('Progressing', 'False', reasons.Stalled, `No step was trained for ${count(seconds, 'second')}.`),
    brokerLost: (error: string) =>
      claim('Progressing', 'False', reasons.BrokerUnreachable, `NATS cannot be reached: ${error}`),
    hindered: (error: string) =>
      claim('Progressing', 'False', reasons.Hindered, `Something is in the way, and is tried again: ${error}`),
    suspended: () =>
      claim('Progressing', 'False', reasons.Suspended, 'The job is suspended; set spec.suspend to false to go on.'),
    finished: () => claim('Progressing', 'False', reasons.Finished, 'The job is over.'),
    refused: () => claim('Progressing', 'False', reasons.Refused, 'The job cannot be run; Accepted says why.'),
    stopping: () =>
      claim('Progressing', 'False', reasons.Deleting, 'The job is being deleted; its pods are still ending.'),
    removingStreams: () =>
      claim('Progressing', 'False', reasons.Deleting, 'The job is being deleted; its streams are being removed.'),
    streamsStay: (error: string) =>
      claim(
        'Progressing',
        'False',
        reasons.StreamsUnreachable,
        `The job is being deleted, but NATS cannot be reached to remove its streams: ${error.replace(/\.$/, '')}. Bring NATS back, or let the ` +
          `job go and leave them behind: set the annotation ${forceDeleteAnnotation} to "true".`,
      ),
  },
  suspended: {
    yes: () => claim('Suspended', 'True', reasons.SuspendRequested, 'spec.suspend is true.'),
    no: () => claim('Suspended', 'False', reasons.NotSuspended, 'spec.suspend is false.'),
  },
  complete: {
    yes: (steps: number, digest: string) =>
      claim('Complete', 'True', reasons.AllStepsTrained, `All ${count(steps, 'step')} trained; weights ${digest}.`),
    no: () => claim('Complete', 'False', reasons.NotComplete, 'Steps are left to train.'),
  },
  failed: {
    no: () => claim('Failed', 'False', reasons.NotFailed, 'Nothing has ended the job.'),
    backoffLimit: (failures: number, error: string) =>
      claim(
        'Failed',
        'True',
        reasons.BackoffLimitExceeded,
        `The student failed ${count(failures, 'time')}, more than backoffLimit allows; the last error: ${error}`,
      ),
    studentError: (error: string) =>
      claim(
        'Failed',
        'True',
        reasons.StudentError,
        `The student cannot go on, and trying again would not help: ${error}`,
      ),
    teacherError: (error: string) =>
      claim('Failed', 'True', reasons.TeacherError, `No teacher can start, and trying again would not help: ${error}`),
  },
} as const;

function event(type: EventClaim['type'], reason: string, message: string): EventClaim {
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
      reasons.StreamsAbandoned,
      `Let go by ${forceDeleteAnnotation}; the job's streams may stay behind in NATS.`,
    ),
  expired: () =>
    event('Normal', reasons.Expired, 'ttlSecondsAfterFinished is over: the job and all it owns are deleted.'),
  teachersScaled: (pool: string, from: number, to: number, reason: DemandReason, why: string) =>
    event(
      'Normal',
      reasons.TeachersScaled,
      `Pool ${pool}: ${String(from)} → ${count(to, 'teacher')} (${demandReasons[reason]}${why === '' ? '' : `; ${why}`}).`,
    ),
  teacherLost: (pool: string, lost: number) =>
    event(
      'Normal',
      reasons.TeacherLost,
      `Pool ${pool} lost ${count(lost, 'teacher')}; what they held is labelled by others.`,
    ),
  teacherFailed: (error: string) => event('Warning', reasons.TeacherFailed, `A teacher failed: ${error}`),
  studentStarted: (attempt: number, step: number) =>
    event('Normal', reasons.StudentStarted, `Student process ${String(attempt)} goes on from step ${String(step)}.`),
  studentLost: () =>
    event('Normal', reasons.StudentLost, 'The student was disrupted; a new one goes on from its checkpoint.'),
  studentFailed: (failures: number, limit: number, error: string) =>
    event(
      'Warning',
      reasons.StudentFailed,
      `The student failed (${String(failures)} of at most ${String(limit)}): ${error}`,
    ),
  streamsCreated: (missing: readonly string[]) =>
    event('Normal', reasons.StreamsCreated, `Created ${missing.length === 0 ? 'the streams' : missing.join(', ')}.`),
  hindered: (error: string) => event('Warning', reasons.Hindered, error),
  brokerLost: (error: string) => event('Warning', reasons.BrokerUnreachable, `NATS cannot be reached: ${error}`),
  workItemDead: (step: number, teacher: string, error: string) =>
    event('Warning', reasons.WorkItemDead, `No teacher could label step ${String(step)}; ${teacher} said: ${error}`),
  suspended: () => event('Normal', reasons.Suspended, 'The job was suspended; every slot was given back.'),
  resumed: () => event('Normal', reasons.Resumed, 'The job goes on from its checkpoint.'),
  complete: (steps: number) => event('Normal', reasons.Complete, `All ${count(steps, 'step')} trained.`),
  failed: (why: string) => event('Warning', reasons.Failed, why),
} as const;
