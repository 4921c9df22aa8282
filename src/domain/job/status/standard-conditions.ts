/**
 * Reconciling and Stalled, the two conditions that kstatus reads, and so Flux, `helm --wait` and `kpt`. Pure.
 *
 * kstatus (github.com/fluxcd/cli-utils, pkg/kstatus/status/generic.go) decides in this order: a deletion timestamp is
 * Terminating; an observedGeneration that is not the generation is InProgress; Reconciling True is InProgress; Stalled True
 * is Failed; anything else is Current. Failed ends a wait at once ("intervention is required"), so Stalled is only True
 * when waiting does not help (docs/adr/0051).
 *
 * Invariants:
 *  standard-conditions/K1 At most one of the two is True.
 *  standard-conditions/K2 They follow from the other conditions alone, so that no two of our conditions disagree.
 */
import { type ConditionDraft, conditions, reasons } from '../../../api/index.js';

type Verdict =
  | { readonly kind: 'AsRequested' }
  | { readonly kind: 'Reconciling' | 'Stalled'; readonly reason: string; readonly message: string };

const standardTypes: readonly string[] = ['Reconciling', 'Stalled'];

/** @returns the conditions with Reconciling and Stalled at their end, whether or not they were among them */
export function withStandardConditions(all: readonly ConditionDraft[]): ConditionDraft[] {
  const own = all.filter(({ type }) => !standardTypes.includes(type));
  return [...own, ...standardOf(verdictOf(own))];
}

function standardOf(verdict: Verdict): ConditionDraft[] {
  const { reconciling, stalled } = conditions;
  switch (verdict.kind) {
    case 'AsRequested':
      return [reconciling.no(), stalled.no()];
    case 'Reconciling':
      return [reconciling.yes(verdict.reason, verdict.message), stalled.no()];
    case 'Stalled':
      return [reconciling.stalled(), stalled.yes(verdict.reason, verdict.message)];
  }
}

/** The first rule that holds decides. */
function verdictOf(own: readonly ConditionDraft[]): Verdict {
  const find = (type: ConditionDraft['type']): ConditionDraft | undefined => own.find((draft) => draft.type === type);
  const isTrue = (type: ConditionDraft['type']): boolean => find(type)?.status === 'True';
  const [accepted, failed, progressing] = [find('Accepted'), find('Failed'), find('Progressing')];
  const [student, teachers] = [find('StudentRunning'), find('TeachersAvailable')];

  if (progressing !== undefined && leaving.includes(progressing.reason)) return reconciling(progressing);
  if (failed?.status === 'True') return stalled(failed);
  if (isTrue('Complete')) return { kind: 'AsRequested' };
  if (accepted?.status === 'False') return stalled(accepted);
  if (isTrue('Suspended') && progressing?.reason !== reasons.Blocked) return { kind: 'AsRequested' };
  if (progressing?.reason === reasons.Stalled) {
    // Teachers that wait for slots yield to others, as they should (I5); no person has to act.
    const yields: readonly string[] = [reasons.NoFreeSlots, reasons.WaitingForQuota];
    return teachers !== undefined && yields.includes(teachers.reason) ? reconciling(teachers) : stalled(progressing);
  }
  const queued = find('Queued');
  if (progressing?.reason === reasons.Queued && queued !== undefined) return reconciling(queued);
  if (progressing?.status === 'False') return reconciling(progressing);
  if (student !== undefined && student.status !== 'True') return reconciling(causeOf(student, teachers));
  if (progressing?.reason === reasons.Starting) return reconciling(causeOf(progressing, teachers));
  return { kind: 'AsRequested' };
}

/** Reasons of Progressing while a job is being deleted. */
const leaving: readonly string[] = [reasons.Deleting, reasons.StreamsUnreachable];

/** Why the job does not train yet: its teachers, where they are what it waits for. */
function causeOf(draft: ConditionDraft, teachers: ConditionDraft | undefined): ConditionDraft {
  const isTrouble = ([reasons.CannotStart, reasons.BackingOff] as readonly string[]).includes(draft.reason);
  const waits: readonly string[] = [reasons.NoFreeSlots, reasons.WaitingForQuota, reasons.TeachersFailing];
  return !isTrouble && teachers !== undefined && waits.includes(teachers.reason) ? teachers : draft;
}

function reconciling({ reason, message }: ConditionDraft): Verdict {
  return { kind: 'Reconciling', reason, message };
}

function stalled({ reason, message }: ConditionDraft): Verdict {
  return { kind: 'Stalled', reason, message };
}
