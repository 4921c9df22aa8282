/** How a run ended, for people and for machines, and the command that resumes it. Pure. */
import { accuracy, duration } from '../shared/format.js';
import { type Scores, studentSentence } from '../shared/scores.js';
import { shellWord } from '../shared/shell-words.js';

import type { Unmeasured } from './teacher-scores.js';

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

/** Names the report of the run, or says why there is none. After a stop, what resumes the run stays the last line. */
export function withReport(
  { lines, record }: Summary,
  report: { readonly path: string } | { readonly problem: string },
): Summary {
  const outcome = 'outcome' in record ? record.outcome : null;
  const text = 'path' in report ? report.path : `not written (${report.problem})`;
  const line = outcome === 'complete' ? `  report    ${text}` : `report: ${text}`;
  return {
    lines: outcome === 'stopped' ? [line, ...lines] : [...lines, line],
    record: { ...record, ...('path' in report ? { report: report.path } : { reportProblem: report.problem }) },
  };
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
  readonly teacher: Scores | Unmeasured;
  readonly student: Scores;
  /** null = no baseline was asked for. */
  readonly baseline: Scores | null;
  /** Rows of the data set that gave way to others. */
  readonly replacedRows: number;
  /** Of the student's weights. */
  readonly digest: string | null;
}

export function completeSummary(run: CompleteRun): Summary {
  const { folder, model, seconds, teacher, student, baseline, replacedRows, digest } = run;
  return {
    lines: [
      `done in ${duration(seconds)}`,
      `  teacher   ${teacherText(teacher)}`,
      `  student   ${scoreText(student)}`,
      ...(baseline === null
        ? []
        : [`  baseline  ${scoreText(baseline)} (the same student, labels alone, same settings)`]),
      ...(replacedRows === 0 ? [] : [`  data      ${String(replacedRows)} bad rows gave way to the next good one`]),
      `  digest    ${digest ?? 'unknown'}`,
      `  model     ${model}`,
    ],
    record: {
      outcome: 'complete',
      seconds,
      teacherAccuracy: 'unmeasured' in teacher ? null : teacher.accuracy,
      ...('unmeasured' in teacher ? {} : { teacherMetrics: teacher.metrics }),
      studentAccuracy: student.accuracy,
      ...(baseline === null ? {} : { baselineAccuracy: baseline.accuracy, baselineMetrics: baseline.metrics }),
      metrics: student.metrics,
      ...(replacedRows === 0 ? {} : { replacedRows }),
      digest,
      model,
      folder,
    },
  };
}

/** Without labels to measure accuracy on, there is another score, or agreement with the teacher. */
function scoreText({ accuracy: fraction, metrics }: Scores): string {
  if (fraction !== null) return accuracy(fraction);
  return studentSentence(metrics) ?? 'not measured: nothing is held out, and there was no teacher to compare it with';
}

function teacherText(teacher: Scores | Unmeasured): string {
  if ('unmeasured' in teacher) return teacher.unmeasured;
  if (teacher.accuracy !== null) return `${accuracy(teacher.accuracy)} of the evaluation split`;
  return studentSentence(teacher.metrics) ?? 'not measured: no labels are held out that it answers';
}
