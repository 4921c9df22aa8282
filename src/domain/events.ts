/** What happened since the last status: Events for people, so that `describe` reads like a story. Pure. */
import { type DistillJobStatus, type EventClaim, events } from '../api/index.js';

import type { Demand } from './demand.js';
import type { StreamPlan } from './plan.js';
import type { Snapshot } from './snapshot.js';

export function eventsOf(snapshot: Snapshot, streams: StreamPlan, demand: Demand, after: DistillJobStatus): EventClaim[] {
  const before = snapshot.job.status;
  return [
    ...acceptance(before, after),
    ...(streams.provision ? [events.streamsCreated(streams.missing)] : []),
    ...scaling(before, after, demand),
    ...losses(snapshot, before, after),
    ...studentStarts(snapshot, before, after),
    ...transitions(snapshot, before, after),
  ];
}

type Before = DistillJobStatus | undefined;

function acceptance(before: Before, after: DistillJobStatus): EventClaim[] {
  const first = before?.conditions === undefined;
  return first && statusIn(after, 'Accepted') === 'True' ? [events.accepted()] : [];
}

function scaling(before: Before, after: DistillJobStatus, { reason }: Demand): EventClaim[] {
  return (after.teachers?.pools ?? []).flatMap(({ name, desired }) => {
    const from = before?.teachers?.pools.find((pool) => pool.name === name)?.desired ?? 0;
    return from === desired ? [] : [events.teachersScaled(name, from, desired, reason)];
  });
}

function losses({ cluster, job }: Snapshot, before: Before, after: DistillJobStatus): EventClaim[] {
  const lost: EventClaim[] = [];
  const teachers = (after.disruptions?.teacher ?? 0) - (before?.disruptions?.teacher ?? 0);
  if (teachers > 0) {
    const failed = cluster.pools.find(({ lastError }) => lastError !== null);
    if (failed?.lastError != null) lost.push(events.teacherFailed(failed.lastError.message));
    else lost.push(events.teacherLost(cluster.pools.map(({ name }) => name).join(', '), teachers));
  }
  if ((after.disruptions?.student ?? 0) > (before?.disruptions?.student ?? 0)) lost.push(events.studentLost());
  const failures = after.failures ?? 0;
  if (failures > (before?.failures ?? 0)) {
    const error = cluster.student.lastError?.message ?? '';
    lost.push(events.studentFailed(failures, job.spec.backoffLimit, error));
  }
  return lost;
}

function studentStarts({ streams }: Snapshot, before: Before, after: DistillJobStatus): EventClaim[] {
  const attempt = after.attempts ?? 0;
  if (attempt <= (before?.attempts ?? 0) || streams.state !== 'Present') return [];
  return [events.studentStarted(attempt, streams.student?.resumedFromStep ?? 0)];
}

function transitions({ streams }: Snapshot, before: Before, after: DistillJobStatus): EventClaim[] {
  const found: EventClaim[] = [];
  const becameTrue = (type: string): boolean => before !== undefined && statusIn(before, type) !== 'True' && statusIn(after, type) === 'True';
  const reasonIn = (status: Before): string | undefined =>
    status?.conditions?.find(({ type }) => type === 'Progressing')?.reason;
  if (streams.state === 'Unreachable' && reasonIn(before) !== reasonIn(after)) found.push(events.brokerLost(streams.reason));
  if (becameTrue('Suspended')) found.push(events.suspended());
  if (before !== undefined && statusIn(before, 'Suspended') === 'True' && statusIn(after, 'Suspended') === 'False') {
    found.push(events.resumed());
  }
  if (becameTrue('Complete')) found.push(events.complete(after.progress?.steps ?? 0));
  if (becameTrue('Failed')) {
    found.push(events.failed(after.conditions?.find(({ type }) => type === 'Failed')?.message ?? ''));
  }
  return found;
}

function statusIn(status: DistillJobStatus, type: string): string | undefined {
  return status.conditions?.find((condition) => condition.type === type)?.status;
}
