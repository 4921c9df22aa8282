/**
 * A stored job that the rules of this version reject: its status, and its deletion. It cannot be read as a job, so nothing
 * else is decided. Pure.
 *
 * Invariant invalid/V1: a job that had ended before the rules changed stays ended; it never runs again.
 */
import { omit } from '@distillery/base';

import {
  type ConditionDraft,
  conditions,
  type DistillJobStatus,
  type EventDraft,
  events,
  type ObjectMeta,
  type Problem,
  type StatusCondition,
} from '../../api/index.js';
import { conditionsFrom, withSummaryReason } from './status/index.js';
import {
  type Deletion,
  deletionConditions,
  deletionEvents,
  deletionPlan,
  deletionRequeueMs,
} from './lifetime/index.js';
import { conditionIn, endIn, type JobPlan, type StreamObservation } from './shapes/index.js';
import { isForced } from './demand/index.js';

/** A stored job that the rules of this version reject. */
export interface InvalidJob {
  readonly metadata: ObjectMeta;
  readonly status: DistillJobStatus | undefined;
  readonly problems: readonly Problem[];
}

export function invalidStatus(
  { metadata, status, problems }: InvalidJob,
  nowMs: number,
): { readonly status: DistillJobStatus; readonly events: readonly EventDraft[] } {
  const accepted = conditions.accepted.invalid(problems);
  const end = endIn(status);
  const drafts = [accepted, ...(end === undefined ? conditionsWhileInvalid() : conditionsAfter(end))];
  const observed = withGeneration(metadata, status);
  return {
    status: withSummaryReason({
      ...(end === undefined ? withoutTeachers(observed) : observed),
      ...(end === undefined ? { phase: 'Pending' } : {}),
      conditions: conditionsFrom(drafts, status?.conditions ?? [], metadata.generation, nowMs),
    }),
    events: conditionIn(status, accepted.type)?.message === accepted.message ? [] : [events.refused(accepted.message)],
  };
}

/** A job that is not accepted has no teachers; 0 of 0 would be wrong. */
function withoutTeachers(status: DistillJobStatus): DistillJobStatus {
  return { ...omit(status, 'teachers'), summary: omit(status.summary ?? {}, 'teachers', 'timeLeft') };
}

function conditionsWhileInvalid(): ConditionDraft[] {
  return [
    conditions.teachersAvailable.refused(),
    conditions.studentRunning.waitingForValidJob(),
    conditions.progressing.refused(),
    conditions.suspended.no(),
    conditions.complete.no(),
    conditions.failed.no(),
  ];
}

function conditionsAfter({ type, reason, message }: StatusCondition): ConditionDraft[] {
  const ended = { status: 'True', reason, message } as const;
  return [
    conditions.teachersAvailable.finished(),
    conditions.studentRunning.finished(),
    conditions.progressing.finished(),
    conditions.suspended.no(),
    type === 'Complete' ? { type, ...ended } : conditions.complete.no(),
    type === 'Failed' ? { type, ...ended } : conditions.failed.no(),
  ];
}

/** One step of deleting an invalid job. */
export interface Finalization {
  readonly object: JobPlan;
  readonly removeStreams: boolean;
  readonly status: DistillJobStatus;
  readonly events: readonly EventDraft[];
  readonly againMs: number;
}

/** Deletes an invalid job as any other job. @param remains a process of it still exists, or an object that would start one */
export function finalizeInvalid(
  { metadata, status: before }: InvalidJob,
  remains: boolean,
  streams: StreamObservation,
  nowMs: number,
): Finalization {
  const deletion: Deletion = { metadata, status: before, remains, streams, forced: isForced(metadata) };
  const object = deletionPlan(deletion);
  const drafts = deletionConditions(deletion);
  const status = withSummaryReason({
    ...withGeneration(metadata, before),
    conditions: conditionsFrom(drafts, before?.conditions ?? [], metadata.generation, nowMs),
  });
  return {
    object,
    removeStreams: streams.state === 'Present' && !remains,
    status,
    events: deletionEvents(deletion, object, status),
    againMs: deletionRequeueMs(streams),
  };
}

function withGeneration({ generation }: ObjectMeta, status: DistillJobStatus | undefined): DistillJobStatus {
  return { ...status, ...(generation === undefined ? {} : { observedGeneration: generation }) };
}
