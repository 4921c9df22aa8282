/** What happened since the last status: Events for people, so that `describe` reads like a story. Pure. */
import { conditions, type DistillJobStatus, type EventClaim, events, type StatusCondition } from '../../api/index.js';
import { telemetryStaleMs } from '../../protocol/index.js';

import type { JobDemand } from '../allocation/index.js';
import { lackOf } from './conditions.js';
import type { JobPlan, StreamPlan } from './plan.js';
import type { Snapshot, StreamObservation } from './snapshot.js';
import type { Verdict } from './verdict.js';

/** What was decided, besides the verdict. */
export interface Decided {
  readonly object: JobPlan;
  readonly streams: StreamPlan;
  readonly demand: JobDemand;
  readonly status: DistillJobStatus;
}

export function eventsOf(snapshot: Snapshot, verdict: Verdict, decided: Decided): EventClaim[] {
  const { object, streams, demand, status } = decided;
  const before = snapshot.job.status;
  if (verdict.kind === 'Deleting') return farewellEvents(before, snapshot.streams, verdict.forced, decided);
  if (object === 'Delete') return [events.expired()];
  return [
    ...acceptance(verdict, before, status),
    ...limitation(snapshot, verdict, before, status),
    ...(streams.provision ? [events.streamsCreated(streams.missing)] : []),
    ...scaling(snapshot, status, demand),
    ...losses(snapshot, before, status),
    ...studentStarts(snapshot, before, status),
    ...transitions(snapshot, before, status),
  ];
}

type Before = DistillJobStatus | undefined;

/** The last words about a job that is being deleted. */
export function farewellEvents(
  before: Before,
  streams: StreamObservation,
  forced: boolean,
  { object, status }: Pick<Decided, 'object' | 'status'>,
): EventClaim[] {
  if (streams.state !== 'Unreachable') return [];
  if (forced && object === 'RemoveFinalizer') return [events.streamsAbandoned()];
  const reason = conditionIn(status, 'Progressing')?.reason;
  const waits = reason === conditions.progressing.streamsStay('').reason;
  return waits && conditionIn(before, 'Progressing')?.reason !== reason ? [events.streamsStay(streams.reason)] : [];
}

function acceptance(verdict: Verdict, before: Before, after: DistillJobStatus): EventClaim[] {
  if (statusIn(before, 'Accepted') === statusIn(after, 'Accepted')) return [];
  return [verdict.kind === 'Refused' ? events.refused(verdict.claim.message) : events.accepted()];
}

/** Once for each text: the limits may change while the job runs. */
function limitation({ limited }: Snapshot, verdict: Verdict, before: Before, after: DistillJobStatus): EventClaim[] {
  const notes = limited?.notes ?? [];
  if (notes.length === 0 || verdict.kind === 'Refused') return [];
  const isSaid = conditionIn(before, 'Accepted')?.message === conditionIn(after, 'Accepted')?.message;
  return isSaid ? [] : [events.limited(notes)];
}

function scaling({ job, grants }: Snapshot, after: DistillJobStatus, demand: JobDemand): EventClaim[] {
  // A job that is refused has no fleet any more.
  const pools = after.teachers?.pools ?? (job.status?.teachers?.pools ?? []).map(({ name }) => ({ name, desired: 0 }));
  return pools.flatMap(({ name, desired }) => {
    const from = job.status?.teachers?.pools.find((pool) => pool.name === name)?.desired ?? 0;
    const why = lackOf(
      demand,
      grants.filter(({ pool }) => pool === name),
    );
    return from === desired ? [] : [events.teachersScaled(name, from, desired, demand.reason, why)];
  });
}

function losses({ cluster, job, deadItem }: Snapshot, before: Before, after: DistillJobStatus): EventClaim[] {
  const lost: EventClaim[] = [];
  const teachers = (after.disruptions?.teacher ?? 0) - (before?.disruptions?.teacher ?? 0);
  if (teachers > 0) {
    const error = cluster.pools.find(({ lastError }) => lastError !== null)?.lastError?.message;
    lost.push(
      error === undefined
        ? events.teacherLost(cluster.pools.map(({ name }) => name).join(', '), teachers)
        : events.teacherFailed(error),
    );
  }
  if ((after.disruptions?.student ?? 0) > (before?.disruptions?.student ?? 0)) lost.push(events.studentLost());
  const failures = after.failures ?? 0;
  if (failures > (before?.failures ?? 0)) {
    const error = cluster.student.lastError?.message ?? '';
    lost.push(events.studentFailed(failures, job.spec.backoffLimit, error));
  }
  if (deadItem !== null && (after.deadItems?.count ?? 0) > (before?.deadItems?.count ?? 0)) {
    lost.push(events.workItemDead(deadItem.step, deadItem.teacher, deadItem.error));
  }
  return lost;
}

function studentStarts({ streams, nowMs }: Snapshot, before: Before, after: DistillJobStatus): EventClaim[] {
  const student = streams.state === 'Present' ? streams.student : null;
  if (student === null || (after.attempts ?? 0) <= (before?.attempts ?? 0)) return [];
  // A word that old is of a process of an earlier run.
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return [];
  return [events.studentStarted(student.attempt, student.resumedFromStep ?? 0)];
}

/** The reason that Progressing has while the streams are out of reach. */
const brokerLostReason = conditions.progressing.brokerLost('').reason;

function transitions({ streams }: Snapshot, before: Before, after: DistillJobStatus): EventClaim[] {
  const found: EventClaim[] = [];
  const became = (type: string): boolean => statusIn(before, type) !== 'True' && statusIn(after, type) === 'True';
  const lostIn = (status: Before): boolean => conditionIn(status, 'Progressing')?.reason === brokerLostReason;
  if (streams.state === 'Unreachable' && lostIn(after) && !lostIn(before))
    found.push(events.brokerLost(streams.reason));
  // A job that was made suspended was never running.
  if (before !== undefined && became('Suspended')) found.push(events.suspended());
  if (statusIn(before, 'Suspended') === 'True' && statusIn(after, 'Suspended') === 'False')
    found.push(events.resumed());
  if (became('Complete')) found.push(events.complete(after.progress?.steps ?? 0));
  if (became('Failed')) found.push(events.failed(conditionIn(after, 'Failed')?.message ?? ''));
  return found;
}

function conditionIn(status: Before, type: string): StatusCondition | undefined {
  return status?.conditions?.find((condition) => condition.type === type);
}

function statusIn(status: Before, type: string): string | undefined {
  return conditionIn(status, type)?.status;
}
