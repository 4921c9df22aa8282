/** `status.summary`: the columns of `kubectl get`. Pure. */
import { omit } from '@distillery/base';

import { type DistillJobStatus, reasons, type StatusCondition, type TeacherCounts } from '../../../api/index.js';
import { conditionIn, isTrueIn } from '../shapes/index.js';

type Summary = NonNullable<DistillJobStatus['summary']>;

/** Texts for columns: `812/1407` steps, `5/6` teachers, `3m20s` left. @param counts null = the job has no teachers */
export function summaryOf(progress: DistillJobStatus['progress'], counts: TeacherCounts | null): Summary {
  const teachers = counts === null ? {} : { teachers: `${String(counts.ready)}/${String(counts.desired)}` };
  if (progress === undefined) return teachers;
  const { step, steps, secondsLeft } = progress;
  const over = steps > 0 && step === steps;
  return {
    steps: `${String(step)}/${String(steps)}`,
    ...teachers,
    ...(secondsLeft === undefined || over ? {} : { timeLeft: shortDuration(secondsLeft) }),
  };
}

/** The two largest units of a duration, as Kubernetes writes ages: `45s`, `3m20s`, `2h5m`, `3d4h`. */
function shortDuration(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'm'],
    [1, 's'],
  ] as const;
  const first = units.findIndex(([size]) => seconds >= size);
  if (first < 0) return '0s';
  return units
    .slice(first, first + 2)
    .map(
      ([size, unit], at) =>
        `${String(Math.floor((at === 0 ? seconds : seconds % (units[first]?.[0] ?? 1)) / size))}${unit}`,
    )
    .filter((part, at) => at === 0 || !part.startsWith('0'))
    .join('');
}

/** Reasons that need attention; the summary shows the first that holds. */
const trouble = {
  Queued: [
    reasons.KueueNotServed,
    reasons.KueueTooOld,
    reasons.KueueNotReadable,
    reasons.CapturedByDefaultQueue,
    reasons.WaitingForKueue,
    reasons.WaitingForQuota,
    reasons.WorkloadStopped,
  ],
  Progressing: [
    reasons.Blocked,
    reasons.BrokerUnreachable,
    reasons.StreamsUnreachable,
    reasons.Deleting,
    reasons.Stalled,
  ],
  StudentRunning: [reasons.CannotStart, reasons.BackingOff, reasons.TelemetryGap],
  TeachersAvailable: [reasons.TeachersFailing, reasons.NoFreeSlots, reasons.WaitingForQuota, reasons.TelemetryGap],
  ScaledByOthers: [reasons.HorizontalPodAutoscaler, reasons.ScaledObject],
} satisfies Record<string, readonly string[]>;

const longestMessage = 1_024;

/** @returns the status; its summary has the reason and message of what is wrong, or neither where nothing is */
export function withSummaryReason(status: DistillJobStatus): DistillJobStatus {
  const summary = omit(status.summary ?? {}, 'reason', 'message');
  const shown = conditionToShow(status);
  if (shown !== null) {
    const { reason, message } = shown;
    return { ...status, summary: { ...summary, reason, message: message.slice(0, longestMessage) } };
  }
  return Object.keys(summary).length === 0 ? omit(status, 'summary') : { ...status, summary };
}

function conditionToShow(status: DistillJobStatus): StatusCondition | null {
  if (isTrueIn(status, 'Failed')) return conditionIn(status, 'Failed') ?? null;
  if (isTrueIn(status, 'Complete')) return null;
  const accepted = conditionIn(status, 'Accepted');
  if (accepted?.status === 'False') return accepted;
  for (const [type, shown] of Object.entries<readonly string[]>(trouble)) {
    const condition = conditionIn(status, type);
    if (condition !== undefined && shown.includes(condition.reason)) return condition;
  }
  return null;
}
