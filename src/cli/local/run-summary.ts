/** How a run ended, for people and for machines, and the command that resumes it. Pure. */
import type { NamedMetrics } from '@distillery/protocol';

import { accuracy, duration } from '../shared/format.js';
import { studentSentence } from '../shared/scores.js';
import { shellWord } from '../shared/shell-words.js';

export interface Summary {
  /** For a person. */
  readonly lines: readonly string[];
  /** For a machine: the fields of one JSON object. */
  readonly record: object;
}

export interface ResumeOptions {
  /** How this person calls `distill`: words for a shell. */
  readonly command: string;
  /** DISTILL_RUNTIME; undefined = not set. */
  readonly runtime: string | undefined;
  readonly slots: number;
  /** Slots of a run without `--slots`. */
  readonly defaultSlots: number;
  readonly json: boolean;
}

/** @returns what to paste into a shell so that the run ends as it would have ended */
export function resumeCommand(folder: string, baseline: boolean, options: ResumeOptions): string {
  const { command, runtime, slots, defaultSlots, json } = options;
  return [
    ...(runtime === undefined ? [] : [`DISTILL_RUNTIME=${shellWord(runtime)}`]),
    command,
    'run',
    '--resume',
    shellWord(folder),
    ...(baseline ? ['--baseline'] : []),
    ...(slots === defaultSlots ? [] : ['--slots', String(slots)]),
    ...(json ? ['--json'] : []),
  ].join(' ');
}

/** Says nothing of the server's address, which may hold a login. */
const keepServer = 'Keep DISTILL_NATS_URL as it is: that server holds what the run needs.';

/** @param onOwnServer false when the run uses a server that DISTILL_NATS_URL names */
export function stoppedSummary(folder: string, resume: string, onOwnServer: boolean): Summary {
  return {
    lines: [`stopped; nothing is lost. Resume with: ${resume}`, ...(onOwnServer ? [] : [keepServer])],
    record: { outcome: 'stopped', folder, resume },
  };
}

export function failedSummary(folder: string, logs: string, message: string): Summary {
  return { lines: [`failed: ${message}`, `logs: ${logs}`], record: { outcome: 'failed', message, folder } };
}

/** After a stop that came when nothing but the teacher's accuracy was missing. */
export function studentDoneSummary(folder: string, model: string): Summary {
  return {
    lines: [`stopped; the student is done: ${model}`],
    record: { outcome: 'stopped', model, folder },
  };
}

/** @param folder of the baseline's run */
export function baselineStoppedSummary(folder: string, model: string, resume: string, onOwnServer: boolean): Summary {
  return {
    lines: [
      `stopped; the student is done: ${model}`,
      `Resume the baseline with: ${resume}`,
      ...(onOwnServer ? [] : [keepServer]),
    ],
    record: { outcome: 'stopped', model, folder, resume },
  };
}

export interface CompleteRun {
  readonly folder: string;
  readonly model: string;
  readonly seconds: number;
  /** Fractions of the evaluation split; null = unknown. */
  readonly teacherAccuracy: number | null;
  readonly studentAccuracy: number | null;
  /** null also when no baseline was asked for. */
  readonly baselineAccuracy: number | null;
  readonly metrics: NamedMetrics;
  /** Of the student's weights. */
  readonly digest: string | null;
}

export function completeSummary(run: CompleteRun): Summary {
  const { folder, model, seconds, teacherAccuracy, studentAccuracy, baselineAccuracy, metrics, digest } = run;
  // Without labels to measure accuracy on, there is agreement with the teacher.
  const sentence = studentAccuracy === null ? studentSentence(metrics) : null;
  return {
    lines: [
      `done in ${duration(seconds)}`,
      ...(sentence !== null && teacherAccuracy === null
        ? []
        : [`  teacher   ${accuracy(teacherAccuracy)} of the evaluation split`]),
      `  student   ${sentence ?? accuracy(studentAccuracy)}`,
      ...(baselineAccuracy === null
        ? []
        : [`  baseline  ${accuracy(baselineAccuracy)} (the same student, labels alone, same settings)`]),
      `  digest    ${digest ?? 'unknown'}`,
      `  model     ${model}`,
    ],
    record: {
      outcome: 'complete',
      seconds,
      teacherAccuracy,
      studentAccuracy,
      ...(baselineAccuracy === null ? {} : { baselineAccuracy }),
      metrics,
      digest,
      model,
      folder,
    },
  };
}
