/**
 * What is said of a stored job that today's rules refuse, and how it is let go: it cannot be read as a job, so nothing
 * else is decided. Pure.
 *
 * Invariant: a job that had ended before the rules changed stays ended; nothing of it is ever run again.
 */
import {
  type ConditionClaim,
  conditions,
  type DistillJobStatus,
  type EventClaim,
  events,
  type ObjectMeta,
  type Problem,
  type StatusCondition,
} from '../../api/index.js';

import { omit } from '../../lib/omit.js';

import { conditionsFrom, farewellClaims } from './conditions.js';
import { farewellEvents } from './events.js';
import { farewellAgainMs, farewellPlan } from './lifetime.js';
import type { JobPlan } from './plan.js';
import type { StreamObservation } from './snapshot.js';
import { isForced } from './verdict.js';
import { withWhy } from './summary.js';

/** A stored job that is not one by the rules of this version. */
export interface InvalidJob {
  readonly metadata: ObjectMeta;
  readonly status: DistillJobStatus | undefined;
  readonly problems: readonly Problem[];
}

export function refuse(
  { metadata, status, problems }: InvalidJob,
  nowMs: number,
): { readonly status: DistillJobStatus; readonly events: readonly EventClaim[] } {
  const claim = conditions.accepted.invalid(problems);
  const before = status?.conditions ?? [];
  const end = before.find((condition) => isEnd(condition));
  const claims = [claim, ...(end === undefined ? claimsWhileRefused() : claimsAfter(end))];
  const told = before.find(({ type }) => type === claim.type);
  return {
    status: withWhy({
      ...(end === undefined ? withoutFleet(statusUnder(metadata, status)) : statusUnder(metadata, status)),
      ...(end === undefined ? { phase: 'Pending' } : {}),
      conditions: conditionsFrom(claims, before, metadata.generation, nowMs),
    }),
    events: told?.message === claim.message ? [] : [events.refused(claim.message)],
  };
}

/** A job that is not accepted has no fleet, not one of size 0. */
function withoutFleet(status: DistillJobStatus): DistillJobStatus {
  return { ...omit(status, 'teachers'), summary: omit(status.summary ?? {}, 'teachers', 'timeLeft') };
}

function isEnd({ type, status }: StatusCondition): boolean {
  return (type === 'Complete' || type === 'Failed') && status === 'True';
}

function claimsWhileRefused(): ConditionClaim[] {
  return [
    conditions.teachersAvailable.refused(),
    conditions.studentRunning.waiting('a job that can be run'),
    conditions.progressing.refused(),
    conditions.suspended.no(),
    conditions.complete.no(),
    conditions.failed.no(),
  ];
}

function claimsAfter({ type, reason, message }: StatusCondition): ConditionClaim[] {
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

export interface Dismissal {
  readonly object: JobPlan;
  readonly removeStreams: boolean;
  readonly status: DistillJobStatus;
  readonly events: readonly EventClaim[];
  readonly againMs: number;
}

/** What becomes of such a job when it is deleted: the same as of every other. @param remains something of it still runs */
export function dismiss(
  { metadata, status: before }: InvalidJob,
  remains: boolean,
  streams: StreamObservation,
  nowMs: number,
): Dismissal {
  const forced = isForced(metadata);
  const object = farewellPlan(metadata, remains, streams, forced);
  const claims = farewellClaims(before, remains, streams);
  const status = withWhy({
    ...statusUnder(metadata, before),
    conditions: conditionsFrom(claims, before?.conditions ?? [], metadata.generation, nowMs),
  });
  return {
    object,
    removeStreams: streams.state === 'Present' && !remains,
    status,
    events: farewellEvents(before, streams, forced, { object, status }),
    againMs: farewellAgainMs(streams),
  };
}

function statusUnder({ generation }: ObjectMeta, status: DistillJobStatus | undefined): DistillJobStatus {
  return { ...status, ...(generation === undefined ? {} : { observedGeneration: generation }) };
}
