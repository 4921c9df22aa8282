/**
 * How a worker's process ends, and what each end costs (docs/protocol.md "Exit codes", whose table is generated from this
 * file). The worker ends by these codes; the operator decides by them what counts against backoffLimit, what is tried again
 * and what fails the job at once.
 */

/** Exit code by kind of ending; sysexits where one fits. */
export const workerExitCodes = {
  done: 0,
  /** A fault that another attempt may not meet again; charged to backoffLimit. */
  error: 1,
  /** Bad input: another attempt would end the same way; fails the job at once. */
  terminal: 65,
  /** The stream could not be reached; retried. */
  unreachable: 69,
  /** The disk is full or read-only. */
  storage: 74,
  /** A newer attempt runs: this one stopped without writing. */
  fenced: 75,
  /** Stopped by SIGTERM; what was trained is in a checkpoint. */
  stopped: 143,
} as const;
export type WorkerEnding = keyof typeof workerExitCodes;

/** How a kubelet reports an end by SIGKILL. No worker chooses it. */
export const killedExitCode = 137;

/** `fatal` fails the job at once, `blameless` costs nothing, `charged` counts against backoffLimit. */
export type ExitCharge = 'fatal' | 'blameless' | 'charged';

export interface ExitCodeRow {
  readonly code: number;
  readonly charge: ExitCharge;
  /** True when another process ended the worker: the code says nothing about the worker itself. */
  readonly isFromOutside: boolean;
  /** Why a worker ends so, and what the operator does, in words for the documentation. */
  readonly meaning: string;
  readonly consequence: string;
}

const { done, error, terminal, unreachable, storage, fenced, stopped } = workerExitCodes;

/** Every code with a meaning of its own, in ascending order. All other codes are charged. */
export const exitCodeRows: readonly ExitCodeRow[] = [
  { code: done, charge: 'blameless', isFromOutside: false, meaning: 'done', consequence: '' },
  {
    code: error,
    charge: 'charged',
    isFromOutside: false,
    meaning: 'error that another attempt may not meet again',
    consequence: "restarts; a student's counts against `backoffLimit`",
  },
  {
    code: terminal,
    charge: 'fatal',
    isFromOutside: false,
    meaning: 'bad data, model or configuration, poison, damaged without end: another attempt would end the same way',
    consequence: 'fails the job at once',
  },
  {
    code: unreachable,
    charge: 'blameless',
    isFromOutside: false,
    meaning: 'stream unreachable, or it refuses the login',
    consequence: 'restarts; not charged',
  },
  {
    code: storage,
    charge: 'blameless',
    isFromOutside: false,
    meaning: 'disk, bucket or server full, read-only or away',
    consequence: 'restarts; not charged (`distill run` charges it)',
  },
  {
    code: fenced,
    charge: 'blameless',
    isFromOutside: false,
    meaning: 'fenced: a newer attempt runs',
    consequence: 'nothing',
  },
  {
    code: killedExitCode,
    charge: 'blameless',
    isFromOutside: true,
    meaning: 'ended by SIGKILL: out of memory, or too slow after SIGTERM',
    consequence: 'a disruption, never charged',
  },
  {
    code: stopped,
    charge: 'blameless',
    isFromOutside: true,
    meaning: 'ended by SIGTERM, as requested',
    consequence: 'a disruption, never charged',
  },
];

const rowByCode: ReadonlyMap<number, ExitCodeRow> = new Map(exitCodeRows.map((row) => [row.code, row]));

/** What a student's end with this code costs. */
export function chargeOf(exitCode: number): ExitCharge {
  return rowByCode.get(exitCode)?.charge ?? 'charged';
}

/** True when another process ended the worker, by SIGTERM or SIGKILL. */
export function isEndFromOutside(exitCode: number): boolean {
  return rowByCode.get(exitCode)?.isFromOutside ?? false;
}

/** The codes of one charge, in ascending order, without 0: what a rule for failed pods lists. */
export function failureCodes(charge: ExitCharge): number[] {
  return exitCodeRows.filter((row) => row.charge === charge && row.code !== done).map(({ code }) => code);
}
