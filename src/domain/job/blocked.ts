/**
 * The status of a job whose plan cannot be applied until a person or another program changes something: a full store, a quota, a
 * webhook, a missing right of the operator. Pure.
 *
 * Invariant blocked/B1: nothing is reported that was not done. Only the blocked condition, the verdict and the pauses of pools
 * change: a pause follows from what was observed, and the next decision needs it (pause.ts).
 */
import { omit } from '@distillery/base';

import { conditions, type DistillJobStatus, type EventDraft, events, reasons } from '../../api/index.js';
import { conditionsFrom } from './conditions.js';
import type { Plan } from './plan.js';
import type { Snapshot } from './snapshot.js';
import { conditionIn } from './status-reader.js';
import { withSummaryReason } from './summary.js';

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
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const draft = conditions.progressing.blocked(sentence);
  const blocked = conditionsFrom([draft], before?.conditions ?? [], generation, nowMs);
  const isNews = conditionIn(before, draft.type)?.reason !== draft.reason;
  return {
    status: withSummaryReason({
      ...(before ?? { phase: 'Pending' as const }),
      ...observed,
      ...pausesIn(before, plan.status),
      conditions: (plan.status.conditions ?? []).flatMap((planned) => {
        if (planned.type === draft.type) return blocked;
        const kept = planned.type === 'Accepted' ? planned : conditionIn(before, planned.type);
        return [{ ...(kept ?? planned), ...observed }];
      }),
    }),
    events: [
      ...plan.events.filter(({ reason }) => verdictReasons.includes(reason)),
      ...(isNews ? [events.blocked(sentence)] : []),
    ],
  };
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
