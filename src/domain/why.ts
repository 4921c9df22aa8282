/** Why a job does not go on as it should, in one word and one sentence: what `kubectl get` prints. Pure. */
import { omit } from '@distillery/base';

import { type DistillJobStatus, reasons, type StatusCondition } from '../api/index.js';

/** Reasons that ask for a look, in the order in which the first that holds is printed. */
const trouble = {
  Progressing: [
    reasons.Hindered,
    reasons.BrokerUnreachable,
    reasons.StreamsUnreachable,
    reasons.Deleting,
    reasons.Stalled,
  ],
  StudentRunning: [reasons.CannotStart, reasons.BackingOff, reasons.TelemetryGap],
  TeachersAvailable: [reasons.TeachersFailing, reasons.NoFreeSlots, reasons.TelemetryGap],
} satisfies Record<string, readonly string[]>;

const longestMessage = 1_024;

/** @returns the status with the reason and the sentence in its summary, or without them where nothing is wrong */
export function withWhy(status: DistillJobStatus): DistillJobStatus {
  const summary = omit(status.summary ?? {}, 'reason', 'message');
  const why = conditionBehind(status.conditions ?? []);
  if (why !== null)
    return { ...status, summary: { ...summary, reason: why.reason, message: why.message.slice(0, longestMessage) } };
  return Object.keys(summary).length === 0 ? omit(status, 'summary') : { ...status, summary };
}

function conditionBehind(found: readonly StatusCondition[]): StatusCondition | null {
  const one = (type: string): StatusCondition | undefined => found.find((condition) => condition.type === type);
  const isSo = (condition: StatusCondition | undefined): boolean => condition?.status === 'True';
  const accepted = one('Accepted');
  if (isSo(one('Failed'))) return one('Failed') ?? null;
  if (isSo(one('Complete'))) return null;
  if (accepted?.status === 'False') return accepted;
  for (const [type, troubles] of Object.entries<readonly string[]>(trouble)) {
    const condition = one(type);
    if (condition !== undefined && troubles.includes(condition.reason)) return condition;
  }
  return null;
}
