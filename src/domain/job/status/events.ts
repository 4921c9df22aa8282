/** Events for what happened since the last status, so that `kubectl describe` shows the history of a job. Pure. */
import { telemetryStaleMs } from '@distillery/protocol';

import { type DistillJobStatus, type EventDraft, events, reasons } from '../../../api/index.js';
import { deletionEvents, deletionOf } from '../lifetime/index.js';
import { type JobDemand, type Seen, shortageText, type Verdict } from '../demand/index.js';
import { conditionIn, isTrueIn, type Plan, type Snapshot } from '../shapes/index.js';

/** The parts of a plan that cause events. */
type Decided = Pick<Plan, 'object' | 'streams' | 'status'>;
type Before = DistillJobStatus | undefined;

export function eventsOf({ snapshot, verdict, demand }: Seen, { object, streams, status }: Decided): EventDraft[] {
  const before = snapshot.job.status;
  if (verdict.kind === 'Deleting') return deletionEvents(deletionOf(snapshot, verdict.forced), object, status);
  if (object === 'Delete') return [events.expired()];
  return [
    ...acceptance(verdict, before, status),
    ...limitation(snapshot, verdict, status),
    ...(streams.provision ? [events.streamsCreated(streams.missing)] : []),
    ...scaling(snapshot, status, demand),
    ...losses(snapshot, status),
    ...studentStarts(snapshot, status),
    ...notes(snapshot, status),
    ...transitions(snapshot, status),
  ];
}

function acceptance(verdict: Verdict, before: Before, after: DistillJobStatus): EventDraft[] {
  if (conditionIn(before, 'Accepted')?.status === conditionIn(after, 'Accepted')?.status) return [];
  return [verdict.kind === 'Refused' ? events.refused(verdict.condition.message) : events.accepted()];
}

/** Once for each text: the limits may change while the job runs. */
function limitation({ limited, job }: Snapshot, verdict: Verdict, after: DistillJobStatus): EventDraft[] {
  const notes = limited?.notes ?? [];
  if (notes.length === 0 || verdict.kind === 'Refused') return [];
  const isReported = conditionIn(job.status, 'Accepted')?.message === conditionIn(after, 'Accepted')?.message;
  return isReported ? [] : [events.limited(notes)];
}

function scaling({ job, grants }: Snapshot, after: DistillJobStatus, demand: JobDemand): EventDraft[] {
  // The status of a refused job has no teachers: its pools scale to 0.
  const none = (job.status?.teachers?.pools ?? []).map(({ name }) => ({ name, desired: 0, pausedUntil: undefined }));
  return (after.teachers?.pools ?? none).flatMap(({ name, desired, pausedUntil }) => {
    const from = job.status?.teachers?.pools.find((pool) => pool.name === name)?.desired ?? 0;
    const isGivenUp = pausedUntil !== undefined && desired < from;
    const own = grants.filter(({ pool }) => pool === name);
    const why = isGivenUp ? 'the pool pauses, as teachers could not be created or placed' : shortageText(demand, own);
    return from === desired ? [] : [events.teachersScaled(name, from, desired, demand.reason, why)];
  });
}

function losses({ cluster, job, deadItem }: Snapshot, after: DistillJobStatus): EventDraft[] {
  const before = job.status;
  const lost: EventDraft[] = [];
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

function studentStarts({ job, streams, nowMs }: Snapshot, after: DistillJobStatus): EventDraft[] {
  const student = streams.state === 'Present' ? streams.student : null;
  if (student === null || (after.attempts ?? 0) <= (job.status?.attempts ?? 0)) return [];
  // Stale telemetry is that of a process of an earlier run.
  if (nowMs - student.updatedAtMs > telemetryStaleMs) return [];
  return [events.studentStarted(student.attempt, student.resumedFromStep ?? 0)];
}

/** Each note once: the status keeps those that were reported. */
function notes({ job }: Snapshot, after: DistillJobStatus): EventDraft[] {
  const reported = new Set(job.status?.notes ?? []);
  return (after.notes ?? []).filter((note) => !reported.has(note)).map((note) => events.noted(note));
}

function transitions({ job: { status: before }, streams }: Snapshot, after: DistillJobStatus): EventDraft[] {
  const found: EventDraft[] = [];
  const became = (type: string): boolean => !isTrueIn(before, type) && isTrueIn(after, type);
  const brokerLostIn = (status: Before): boolean =>
    conditionIn(status, 'Progressing')?.reason === reasons.BrokerUnreachable;
  if (streams.state === 'Unreachable' && brokerLostIn(after) && !brokerLostIn(before))
    found.push(events.brokerLost(streams.reason));
  found.push(...queueing(before, after));
  // A job that was created suspended never ran: it was not suspended.
  if (before !== undefined && became('Suspended')) found.push(events.suspended());
  if (isTrueIn(before, 'Suspended') && conditionIn(after, 'Suspended')?.status === 'False')
    found.push(events.resumed());
  if (became('Complete')) {
    const steps = after.progress?.steps ?? 0;
    const early = streams.state === 'Present' ? streams.student?.result?.stoppedEarly : undefined;
    found.push(early === undefined ? events.complete(steps) : events.stoppedEarly(steps, early));
  }
  if (became('ScaledByOthers')) found.push(events.scaledByOthers(conditionIn(after, 'ScaledByOthers')?.message ?? ''));
  if (became('Failed')) found.push(events.failed(conditionIn(after, 'Failed')?.message ?? ''));
  return found;
}

function queueing(before: Before, after: DistillJobStatus): EventDraft[] {
  const [was, is] = [conditionIn(before, 'Queued'), conditionIn(after, 'Queued')];
  if (is === undefined || (was?.reason === is.reason && was.status === is.status)) return [];
  if (is.reason === reasons.CapturedByDefaultQueue) return [events.captured(is.message)];
  if (is.status === 'True') return [events.queued(is.message)];
  return was?.status === 'True' && is.reason === 'Admitted' ? [events.admitted(is.message)] : [];
}
