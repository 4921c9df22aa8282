/**
 * The status of a job whose plan cannot be applied until a person or another program changes something: a full store, a quota, a
 * webhook, a missing right of the operator. Pure.
 *
 * Invariant blocked/B1: nothing is reported that was not done. Only the blocked condition and the verdict change.
 */
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
