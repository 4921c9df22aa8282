/** Why a job does not go on as it should, in one word and one sentence: what `kubectl get` prints. Pure. */
import { conditions, type DistillJobStatus, type StatusCondition } from '../../api/index.js';
import { omit } from '../../lib/omit.js';

/** Reasons that ask for a look, in the order in which the first that holds is printed. */
const trouble = {
  Progressing: [
    conditions.progressing.hindered('').reason,
    conditions.progressing.brokerLost('').reason,
    conditions.progressing.streamsStay('').reason,
    conditions.progressing.stopping().reason,
    conditions.progressing.stalled(0).reason,
  ],
  StudentRunning: [
    conditions.studentRunning.cannotStart('').reason,
    conditions.studentRunning.backingOff(0, 0, '').reason,
    conditions.studentRunning.unknown().reason,
  ],
  TeachersAvailable: [
    conditions.teachersAvailable.failing('').reason,
    conditions.teachersAvailable.noFreeSlots('').reason,
    conditions.teachersAvailable.unknown().reason,
  ],
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
  for (const [type, reasons] of Object.entries(trouble)) {
    const condition = one(type);
    if (condition !== undefined && reasons.includes(condition.reason)) return condition;
  }
  return null;
}
