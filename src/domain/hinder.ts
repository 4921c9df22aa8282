/**
 * What is said of a job whose plan could not be carried out because somebody else has to change something first: a full
 * store, a quota, a webhook, a right that the operator lacks. Pure.
 *
 * Invariant: nothing is told that was not done. But for the hindrance and the verdict, the status stays as it was.
 */
import { omit } from '@distillery/base';

import { conditions, type DistillJobStatus, type EventClaim, events } from '../api/index.js';

import { conditionsFrom } from './conditions.js';
import type { Plan } from './plan.js';
import type { Snapshot } from './snapshot.js';
import { withWhy } from './why.js';

/** @param sentence what stands in the way and what to do about it */
export function hinder(
  { job, nowMs }: Snapshot,
  plan: Plan,
  sentence: string,
): { readonly status: DistillJobStatus; readonly events: readonly EventClaim[] } {
  const before = job.status;
  const told = before?.conditions ?? [];
  const { generation } = job.metadata;
  const observed = generation === undefined ? {} : { observedGeneration: generation };
  const hindered = conditionsFrom([conditions.progressing.hindered(sentence)], told, generation, nowMs);
  const [{ type: hinderedType, reason: hinderedReason } = { type: '', reason: '' }] = hindered;
  const isNews = told.find(({ type }) => type === hinderedType)?.reason !== hinderedReason;
  return {
    status: withWhy({
      ...(before ?? { phase: 'Pending' as const }),
      ...observed,
      ...pausesOf(before, plan.status),
      conditions: (plan.status.conditions ?? []).flatMap((planned) => {
        if (planned.type === hinderedType) return hindered;
        const kept = planned.type === 'Accepted' ? planned : told.find(({ type }) => type === planned.type);
        return [{ ...(kept ?? planned), ...observed }];
      }),
    }),
    events: [
      ...plan.events.filter(({ reason }) => verdictReasons.includes(reason)),
      ...(isNews ? [events.hindered(sentence)] : []),
    ],
  };
}

/** A pause follows from what was observed, and has to be remembered whether the plan was carried out or not (pause.ts). */
function pausesOf(before: DistillJobStatus | undefined, planned: DistillJobStatus): Pick<DistillJobStatus, 'teachers'> {
  if (before?.teachers === undefined) return {};
  const pools = before.teachers.pools.map((pool) => {
    const pausedUntil = planned.teachers?.pools.find(({ name }) => name === pool.name)?.pausedUntil;
    return { ...omit(pool, 'pausedUntil'), ...(pausedUntil === undefined ? {} : { pausedUntil }) };
  });
  return { teachers: { ...before.teachers, pools } };
}

const verdictReasons: readonly string[] = [
  events.accepted().reason,
  events.refused('').reason,
  events.limited([]).reason,
];
