/** The conditions of a job, each from an ordered chain of rules over the snapshot. Pure; their texts are in api/reasons.ts. */
import { type StudentState, telemetryStaleMs } from '@distillery/protocol';

import { type ConditionDraft, conditions, kubernetesTime, reasons, type StatusCondition } from '../../../api/index.js';
import { deletionConditions, deletionOf } from '../lifetime/index.js';
import { pauseEndMs, quotaText, type Seen, shortageText, type Verdict } from '../demand/index.js';
import { conditionIn, policyOf, type Snapshot } from '../shapes/index.js';
import { queuedCondition } from './queued-condition.js';
import { withStandardConditions } from './standard-conditions.js';

/** A student that waits for logits for more than this part of its time is reported. */
const starvedFraction = 0.2;

/** All but Reconciling and Stalled, which follow from these; in the order of `conditionTypes`; Queued only where Kueue has a part. */
export function conditionDrafts(seen: Seen): ConditionDraft[] {
  const { snapshot, verdict } = seen;
  if (verdict.kind === 'Deleting') return deletionConditions(deletionOf(snapshot, verdict.forced));
  const queued = queuedCondition(snapshot, verdict);
  const over = verdict.kind === 'Complete' || verdict.kind === 'Failed';
  return [
    verdict.kind === 'Refused' ? verdict.condition : conditions.accepted.valid(snapshot.limited?.notes),
    ...(queued === null ? [] : [queued]),
    teachersCondition(seen),
    over ? conditions.studentRunning.finished() : studentCondition(snapshot, verdict),
    over ? conditions.progressing.finished() : progressCondition(snapshot, verdict),
    ...contests(snapshot),
    snapshot.job.spec.suspend ? conditions.suspended.yes() : conditions.suspended.no(),
    verdict.kind === 'Complete' ? verdict.condition : conditions.complete.no(),
    verdict.kind === 'Failed' ? verdict.condition : conditions.failed.no(),
  ];
}

function teachersCondition({ snapshot, counts, demand }: Seen): ConditionDraft {
  const { cluster, grants, nowMs } = snapshot;
  const { teachersAvailable } = conditions;
  switch (demand.reason) {
    case 'Suspended':
      return teachersAvailable.suspended();
    case 'Queued':
      return teachersAvailable.queued();
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
      const quota = quotaText(cluster.pools, nowMs);
      const why = [shortageText(demand, grants), quota].filter((part) => part !== '').join('; ');
      if (counts.ready > 0) return teachersAvailable.ready(counts, why);
      if (quota !== '') return teachersAvailable.waitingForQuota(quota);
      const error = cluster.pools.find(({ lastError }) => lastError !== null)?.lastError;
      if (error !== null && error !== undefined) return teachersAvailable.failing(error.message);
      const earlier = failureOfPause(snapshot);
      if (earlier !== null) return earlier;
      return counts.desired === 0 ? teachersAvailable.noFreeSlots(why) : teachersAvailable.starting(counts, why);
    }
  }
}

/** A paused pool has no teacher that could fail: what its last one failed on stays true. */
function failureOfPause(snapshot: Snapshot): ConditionDraft | null {
  const before = conditionIn(snapshot.job.status, 'TeachersAvailable');
  if (before?.reason !== reasons.TeachersFailing) return null;
  const pauses = snapshot.cluster.pools.some((pool) => pauseEndMs(pool, snapshot) !== null);
  return pauses ? conditions.teachersAvailable.stillFailing(before.message) : null;
}

function studentCondition({ job, cluster, streams, nowMs }: Snapshot, verdict: Verdict): ConditionDraft {
  const { studentRunning } = conditions;
  if (verdict.kind === 'Suspended') return studentRunning.suspended();
  if (verdict.kind === 'Queued') return studentRunning.queued();
  if (verdict.kind === 'Refused') return studentRunning.waitingForValidJob();
  const { phase, failures, lastError } = cluster.student;
  if (phase === 'BackingOff' && lastError !== null) {
    return failures === 0
      ? studentRunning.cannotStart(lastError.message)
      : studentRunning.backingOff(failures, job.spec.backoffLimit, lastError.message);
  }
  if (streams.state !== 'Present') return studentRunning.waitingForStreams();
  const { student } = streams;
  if (phase !== 'Running' || student === null) return studentRunning.starting();
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return studentRunning.unknown();
  return byPhase(student);
}

/** Only while there is an autoscaler that sets the same replicas. */
function contests({ cluster: { autoscalers = [] } }: Snapshot): ConditionDraft[] {
  const [first, ...others] = autoscalers;
  return first === undefined ? [] : [conditions.scaledByOthers.yes(first, others.length)];
}

function byPhase({ phase, attempt, checkpointFault }: StudentState): ConditionDraft {
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

function progressCondition(snapshot: Snapshot, verdict: Verdict): ConditionDraft {
  const { progressing } = conditions;
  const { job, streams, nowMs } = snapshot;
  if (verdict.kind === 'Refused') return progressing.refused();
  if (verdict.kind === 'Suspended') return progressing.suspended();
  if (verdict.kind === 'Queued') return progressing.queued();
  if (streams.state === 'Unreachable') return progressing.brokerLost(streams.reason);
  const student = streams.state === 'Present' ? streams.student : null;
  if (student === null || student.step === 0) return progressing.starting();
  const silentMs = nowMs - student.updatedAtMs;
  // Counted in tens: a status is not written every second only because time passes.
  if (silentMs > policyOf(snapshot).stallMs) return progressing.stalled(Math.floor(silentMs / 10_000) * 10);
  const waited = job.spec.student.loss.softWeight > 0 ? waitFractionOf(student) : 0;
  if (waited > starvedFraction) return progressing.starved(Math.round(waited * 10) * 10);
  return progressing.advancing(student.step, student.steps);
}

/**
 * The part of its time that the student waits for logits, from 0 to 1. A student that trained nothing lately reports 0,
 * but with an empty buffer it waits all the time.
 */
function waitFractionOf({ phase, samplesPerSecond, waitFraction, buffer }: StudentState): number {
  if (phase !== 'Training') return 0;
  return samplesPerSecond === 0 && buffer.frames === 0 ? 1 : waitFraction;
}

/**
 * Adds Reconciling and Stalled, and the times: a transition time changes only with the status.
 * @param drafts all conditions of the job; Reconciling and Stalled among them are decided again
 */
export function conditionsFrom(
  drafts: readonly ConditionDraft[],
  before: readonly StatusCondition[],
  observedGeneration: number | undefined,
  nowMs: number,
): StatusCondition[] {
  return withStandardConditions(drafts).map((draft) => {
    const old = before.find(({ type }) => type === draft.type);
    const lastTransitionTime = old?.status === draft.status ? old.lastTransitionTime : kubernetesTime(nowMs);
    return { ...draft, lastTransitionTime, ...(observedGeneration === undefined ? {} : { observedGeneration }) };
  });
}
