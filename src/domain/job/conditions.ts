/** The conditions of a job, each by an ordered chain of rules over the snapshot. Pure; the words are the API's. */
import {
  type ConditionClaim,
  conditions,
  type ConditionType,
  conditionTypes,
  type DistillJobStatus,
  type StatusCondition,
} from '../../api/index.js';
import { type StudentState, telemetryStaleMs } from '../../protocol/index.js';

import { type Grant, type JobDemand, sentenceOf } from '../allocation/index.js';
import type { Snapshot, StreamObservation } from './snapshot.js';
import { timestamp } from './timestamp.js';
import type { Verdict } from './verdict.js';

export interface Fleet {
  readonly ready: number;
  readonly desired: number;
}

/** No step for this long is worth a word. */
const stallMs = 60_000;
/** A student that waits more than this share of its time is starved. */
const starvedFraction = 0.2;

/** In the order of `conditionTypes`. */
export function claimsOf(snapshot: Snapshot, verdict: Verdict, fleet: Fleet, demand: JobDemand): ConditionClaim[] {
  const over = verdict.kind === 'Complete' || verdict.kind === 'Failed';
  if (verdict.kind === 'Deleting') {
    return farewellClaims(snapshot.job.status, snapshot.cluster.remains, snapshot.streams);
  }
  return [
    verdict.kind === 'Refused' ? verdict.claim : conditions.accepted.valid(snapshot.limited?.notes),
    teachersClaim(snapshot, fleet, demand),
    over ? conditions.studentRunning.finished() : studentClaim(snapshot, verdict),
    over ? conditions.progressing.finished() : progressClaim(snapshot, verdict),
    snapshot.job.spec.suspend ? conditions.suspended.yes() : conditions.suspended.no(),
    verdict.kind === 'Complete' ? verdict.claim : conditions.complete.no(),
    verdict.kind === 'Failed' ? verdict.claim : conditions.failed.no(),
  ];
}

/** What changes on a job that is being deleted; whether it was accepted, complete or failed stays as it was. */
export function farewellClaims(
  before: DistillJobStatus | undefined,
  remains: boolean,
  streams: StreamObservation,
): ConditionClaim[] {
  const { progressing } = conditions;
  const progress = remains
    ? progressing.stopping()
    : streams.state === 'Unreachable'
      ? progressing.streamsStay(streams.reason)
      : progressing.removingStreams();
  const changed = [conditions.teachersAvailable.deleting(), conditions.studentRunning.deleting(), progress];
  const kept = (before?.conditions ?? []).flatMap(({ type, status, reason, message }) =>
    isConditionType(type) && !changed.some((claim) => claim.type === type) ? [{ type, status, reason, message }] : [],
  );
  return conditionTypes.flatMap((type) => [...kept, ...changed].find((claim) => claim.type === type) ?? []);
}

function isConditionType(type: string): type is ConditionType {
  return (conditionTypes as readonly string[]).includes(type);
}

function teachersClaim({ cluster, grants }: Snapshot, fleet: Fleet, demand: JobDemand): ConditionClaim {
  const { teachersAvailable } = conditions;
  switch (demand.reason) {
    case 'Suspended':
      return teachersAvailable.suspended();
    case 'Finished':
      return teachersAvailable.finished();
    case 'Refused':
      return teachersAvailable.refused();
    case 'Deleting':
      return teachersAvailable.deleting();
    case 'NoTeacherNeeded':
      return teachersAvailable.notNeeded();
    case 'NothingLeftToCompute':
      return teachersAvailable.nothingLeft();
    case 'TelemetryGap':
      return teachersAvailable.unknown();
    case 'FillWindow':
    case 'MatchStudent': {
      const why = lackOf(demand, grants);
      if (fleet.ready > 0) return teachersAvailable.ready(fleet, why);
      const error = cluster.pools.find(({ lastError }) => lastError !== null)?.lastError;
      if (error !== null && error !== undefined) return teachersAvailable.failing(error.message);
      return fleet.desired === 0 ? teachersAvailable.noFreeSlots(why) : teachersAvailable.starting(fleet, why);
    }
  }
}

/** Why there are fewer teachers than are wanted; empty when there are not, or when the fleet is only held. */
export function lackOf({ kind }: JobDemand, grants: readonly Grant[]): string {
  if (kind === 'None' || kind === 'Hold') return '';
  return grants.some(({ replicas, why }) => replicas < why.wanted) ? sentenceOf(grants) : '';
}

function studentClaim({ job, cluster, streams, nowMs }: Snapshot, verdict: Verdict): ConditionClaim {
  const { studentRunning } = conditions;
  if (verdict.kind === 'Suspended') return studentRunning.suspended();
  if (verdict.kind === 'Refused') return studentRunning.waiting('a job that can be run');
  const { phase, failures, lastError } = cluster.student;
  if (phase === 'BackingOff' && lastError !== null && failures === 0)
    return studentRunning.cannotStart(lastError.message);
  if (phase === 'BackingOff' && lastError !== null) {
    return studentRunning.backingOff(failures, job.spec.backoffLimit, lastError.message);
  }
  if (streams.state !== 'Present') return studentRunning.waiting('the streams');
  const { student } = streams;
  if (phase !== 'Running' || student === null) return studentRunning.starting();
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return studentRunning.unknown();
  return byPhase(student);
}

function byPhase({ phase, attempt, checkpointFault }: StudentState): ConditionClaim {
  if (checkpointFault !== undefined && checkpointFault !== null) {
    return conditions.studentRunning.noCheckpoints(attempt, checkpointFault);
  }
  switch (phase) {
    case 'Starting':
      return conditions.studentRunning.starting();
    case 'Training':
      return conditions.studentRunning.training(attempt);
    case 'Evaluating':
      return conditions.studentRunning.evaluating();
    case 'Exporting':
    case 'Done':
      return conditions.studentRunning.exporting();
  }
}

function progressClaim({ job, streams, nowMs }: Snapshot, verdict: Verdict): ConditionClaim {
  const { progressing } = conditions;
  if (verdict.kind === 'Refused') return progressing.refused();
  if (verdict.kind === 'Suspended') return progressing.suspended();
  if (streams.state === 'Unreachable') return progressing.brokerLost(streams.reason);
  const student = streams.state === 'Present' ? streams.student : null;
  if (student === null || student.step === 0) return progressing.starting();
  const silentMs = nowMs - student.updatedAtMs;
  // In tens: a status is not written every second only to count.
  if (silentMs > stallMs) return progressing.stalled(Math.floor(silentMs / 10_000) * 10);
  const waited = job.spec.student.loss.softWeight > 0 ? waitFractionOf(student) : 0;
  if (waited > starvedFraction) return progressing.starved(Math.round(waited * 10) * 10);
  return progressing.advancing(student.step, student.steps);
}

/** Share of its time that the student waits for logits. One that trained nothing lately has no share to tell: it is all. */
function waitFractionOf({ phase, samplesPerSecond, waitFraction, buffer }: StudentState): number {
  if (phase !== 'Training') return 0;
  return samplesPerSecond === 0 && buffer.frames === 0 ? 1 : waitFraction;
}

/** Gives claims their times: a transition time changes only with the status. */
export function conditionsFrom(
  claims: readonly ConditionClaim[],
  before: readonly StatusCondition[],
  observedGeneration: number | undefined,
  nowMs: number,
): StatusCondition[] {
  return claims.map((claim) => {
    const old = before.find(({ type }) => type === claim.type);
    const lastTransitionTime = old?.status === claim.status ? old.lastTransitionTime : timestamp(nowMs);
    return { ...claim, lastTransitionTime, ...(observedGeneration === undefined ? {} : { observedGeneration }) };
  });
}
