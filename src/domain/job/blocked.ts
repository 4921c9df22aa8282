/**
 * The status of a job whose plan cannot be applied until a person or another program changes something: a full store, a quota, a
 * webhook, a missing right of the operator. Pure.
 *
 * Invariant blocked/B1: nothing is reported that was not done. Only the blocked condition, the verdict, what follows from
 * both, and the pauses of pools change: a pause follows from what was observed, and the next decision needs it (pause.ts).
 */
import { omit } from '@distillery/base';

import {
  type ConditionDraft,
  conditions,
  type ConditionType,
  conditionTypes,
  type DistillJobStatus,
  type EventDraft,
  events,
  reasons,
  type StatusCondition,
} from '../../api/index.js';
import { conditionsFrom, withSummaryReason } from './status/index.js';
import { conditionIn, type Plan, type Snapshot } from './shapes/index.js';

/** Reasons of events that report the verdict. */
const verdictReasons: readonly string[] = [reasons.Accepted, reasons.Refused, reasons.Limited];

/** @param sentence what is wrong and what to do about it */
export function blockedStatus(
  { job, nowMs }: Snapshot,
  plan: Plan,
  sentence: string,
): { readonly status: DistillJobStatus; readonly events: readonly EventDraft[] } {
  const before = job.status;
  const { generation } = job.metadata;
  const blocked = conditions.progressing.blocked(sentence);
  const drafts = conditionTypes.flatMap((type) => {
    const kept = type === 'Accepted' ? undefined : conditionIn(before, type);
    const shown = type === blocked.type ? blocked : (kept ?? conditionIn(plan.status, type));
    return shown === undefined ? [] : [draftOf(type, shown)];
  });
  const isNews = conditionIn(before, blocked.type)?.reason !== blocked.reason;
  return {
    status: withSummaryReason({
      ...(before ?? { phase: 'Pending' as const }),
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      ...pausesIn(before, plan.status),
      conditions: conditionsFrom(drafts, before?.conditions ?? [], generation, nowMs),
    }),
    events: [
      ...plan.events.filter(({ reason }) => verdictReasons.includes(reason)),
      ...(isNews ? [events.blocked(sentence)] : []),
    ],
  };
}

function draftOf(
  type: ConditionType,
  { status, reason, message }: Pick<StatusCondition, 'status' | 'reason' | 'message'>,
): ConditionDraft {
  return { type, status, reason, message };
}

/** The teachers as they were last reported, with the pauses of the plan. */
function pausesIn(before: DistillJobStatus | undefined, planned: DistillJobStatus): Pick<DistillJobStatus, 'teachers'> {
  if (before?.teachers === undefined) return {};
  const pools = before.teachers.pools.map((pool) => {
    const pausedUntil = planned.teachers?.pools.find(({ name }) => name === pool.name)?.pausedUntil;
    return { ...omit(pool, 'pausedUntil'), ...(pausedUntil === undefined ? {} : { pausedUntil }) };
  });
  return { teachers: { ...before.teachers, pools } };
}
