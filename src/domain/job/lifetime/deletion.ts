/** What happens to a job that is being deleted, valid or not: its object, conditions and events. Pure. */
import {
  type ConditionDraft,
  conditions,
  type ConditionType,
  conditionTypes,
  type DistillJobStatus,
  type EventDraft,
  events,
  type ObjectMeta,
  reasons,
  streamsFinalizer,
} from '../../../api/index.js';
import { conditionIn, type JobPlan, type Snapshot, type StreamObservation } from '../shapes/index.js';

export interface Deletion {
  readonly metadata: ObjectMeta;
  /** As it was last written. */
  readonly status: DistillJobStatus | undefined;
  /** A process of the job still exists, or an object that would start one. */
  readonly remains: boolean;
  readonly streams: StreamObservation;
  /** The user lets the job go although its streams may stay behind. */
  readonly forced: boolean;
}

const stoppingMs = 1_000;
/** While NATS is out of reach. */
const unreachableMs = 3_000;

export function deletionOf({ job, cluster, streams }: Snapshot, forced: boolean): Deletion {
  return { metadata: job.metadata, status: job.status, remains: cluster.remains, streams, forced };
}

/** Whether the finalizer may go: when nothing is left, or when the user lets the job go without its streams. */
export function deletionPlan({ metadata, remains, streams, forced }: Deletion): JobPlan {
  if (!hasFinalizer(metadata) || remains) return 'Keep';
  const gone = streams.state === 'Absent' || (streams.state === 'Unreachable' && forced);
  return gone ? 'RemoveFinalizer' : 'Keep';
}

export function hasFinalizer({ finalizers }: ObjectMeta): boolean {
  return finalizers?.includes(streamsFinalizer) === true;
}

/** The conditions that deletion changes, and all others as they were: accepted, complete and failed stay. */
export function deletionConditions({ status, remains, streams }: Deletion): ConditionDraft[] {
  const { progressing } = conditions;
  const progress = remains
    ? progressing.stopping()
    : streams.state === 'Unreachable'
      ? progressing.streamsStay(streams.reason)
      : progressing.removingStreams();
  const changed = [conditions.teachersAvailable.deleting(), conditions.studentRunning.deleting(), progress];
  const kept = (status?.conditions ?? []).flatMap(({ type, status: value, reason, message }) =>
    isConditionType(type) && !changed.some((draft) => draft.type === type)
      ? [{ type, status: value, reason, message }]
      : [],
  );
  return conditionTypes.flatMap((type) => [...kept, ...changed].find((draft) => draft.type === type) ?? []);
}

function isConditionType(type: string): type is ConditionType {
  return (conditionTypes as readonly string[]).includes(type);
}

/** The last events of a job. @param after the new status */
export function deletionEvents(
  { status: before, streams, forced }: Deletion,
  object: JobPlan,
  after: DistillJobStatus,
): EventDraft[] {
  if (streams.state !== 'Unreachable') return [];
  if (forced && object === 'RemoveFinalizer') return [events.streamsAbandoned()];
  const waitsIn = (status: DistillJobStatus | undefined): boolean =>
    conditionIn(status, 'Progressing')?.reason === reasons.StreamsUnreachable;
  return waitsIn(after) && !waitsIn(before) ? [events.streamsStay(streams.reason)] : [];
}

/** Milliseconds until the next reconcile: nothing reports that NATS is back or that a process is gone for good. */
export function deletionRequeueMs(streams: StreamObservation): number {
  return streams.state === 'Unreachable' ? unreachableMs : stoppingMs;
}
