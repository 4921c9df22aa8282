/** What is said of a stored job that today's rules refuse: it cannot be read as a job, so nothing else is decided. Pure. */
import {
  conditions,
  type DistillJobStatus,
  type EventClaim,
  events,
  type ObjectMeta,
  type Problem,
} from '../api/index.js';

import { conditionsFrom } from './conditions.js';

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
  const claims = [
    claim,
    conditions.teachersAvailable.refused(),
    conditions.studentRunning.waiting('a job that can be run'),
    conditions.progressing.refused(),
    conditions.suspended.no(),
    conditions.complete.no(),
    conditions.failed.no(),
  ];
  const told = status?.conditions?.find(({ type }) => type === claim.type);
  return {
    status: {
      ...status,
      ...(metadata.generation === undefined ? {} : { observedGeneration: metadata.generation }),
      phase: 'Pending',
      conditions: conditionsFrom(claims, status?.conditions ?? [], metadata.generation, nowMs),
    },
    events: told?.message === claim.message ? [] : [events.refused(claim.message)],
  };
}
