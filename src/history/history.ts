/**
 * The history of a run, `history.jsonl` in its folder, or of a job of a cluster, in its streams: one JSON object a line, the
 * head first. docs/guide.md "The report of a run" describes the lines.
 *
 * Invariants:
 *  history/1 A reader takes what it can: a line that it cannot read is counted and left out. Some text is that of workers, so
 *     everything is checked and bounded.
 *  history/2 A file whose first line is no head of this format, or that of another job, is not a history of the job.
 */
import { parsedJson, printable } from '@distillery/base';
import { namedMetricsSchema } from '@distillery/protocol';
import { z } from 'zod';

/** Time between samples of a new history. */
export const firstIntervalMs = 1_000;

/** Grows when a reader of an earlier release would misread the file. New fields and new kinds of lines do not count. */
const historyFormat = 1;

const text = (length: number): z.ZodType<string> => z.string().transform((value) => printable(value.slice(0, length)));
/** Milliseconds since 1970. */
const time = z.number().min(0).max(8.64e15);
const whole = z.number().int().min(0).max(1e15);
const number = z.number().min(-3.4e38).max(3.4e38);
const rate = z.number().min(0).max(1e12);
const share = z.number().min(0).max(1);

const headSchema = z.object({
  kind: z.literal('head'),
  distillery: z.literal('history'),
  format: z.literal(historyFormat),
  job: z.object({ name: text(253), uid: text(63) }),
  /** Samples are at least this far apart. It doubles when there would be too many. */
  intervalMs: z.number().int().min(1).max(1e15),
  /** Events that gave way to later ones. */
  eventsLeftOut: whole,
});

/** A process of `distill run` began to work on the run: its first start, or a resumption. */
const startSchema = z.object({
  kind: z.literal('start'),
  t: time,
  distillery: text(63),
  node: text(63),
  platform: text(63),
  arch: text(63),
  processor: text(200),
  cores: whole,
  memoryBytes: whole,
  /** Version of the NATS server; absent = unknown. */
  nats: text(63).optional(),
  /** Most teachers at a time. */
  slots: whole,
});

/** What computed the models, when it was first seen. */
const runtimeSchema = z.object({
  kind: z.literal('runtime'),
  t: time,
  role: z.enum(['student', 'teacher']),
  runtime: text(200),
});

const sampleSchema = z.object({
  kind: z.literal('sample'),
  t: time,
  step: whole,
  epoch: whole,
  loss: number.nullable(),
  /** By name; accuracy among them. */
  metrics: namedMetricsSchema,
  samplesPerSecond: rate,
  /** Without the time that the student waited. */
  unstarvedSamplesPerSecond: rate,
  waitFraction: share,
  bufferFrames: whole,
  bufferBytes: whole,
  /** Of all teachers together. */
  teacherSamplesPerSecond: rate,
  /** The last one before a job of a cluster rests; absent = another follows. */
  isLast: z.literal(true).optional(),
});

/** A job of a cluster came into another phase. */
const phaseSchema = z.object({ kind: z.literal('phase'), t: time, phase: text(63) });

/** The teachers of one pool, whenever their number or its reason changed. */
const teachersSchema = z.object({
  kind: z.literal('teachers'),
  t: time,
  pool: text(63),
  desired: whole,
  ready: whole,
  reason: text(63),
  why: text(300),
});

const eventSchema = z.object({
  kind: z.literal('event'),
  t: time,
  /** The student's step then. */
  step: whole,
  severity: z.enum(['Normal', 'Warning']),
  reason: text(63),
  message: text(1_024),
});

/** How one process of `distill run` ended. */
const endSchema = z.object({
  kind: z.literal('end'),
  t: time,
  outcome: z.enum(['complete', 'failed', 'stopped']),
});

/** What the teacher reaches, measured after the training. */
const scoresSchema = z.object({
  kind: z.literal('scores'),
  t: time,
  teacher: z.object({ accuracy: share.nullable(), metrics: namedMetricsSchema }),
});

const lineSchema = z.discriminatedUnion('kind', [
  startSchema,
  runtimeSchema,
  sampleSchema,
  teachersSchema,
  phaseSchema,
  eventSchema,
  endSchema,
  scoresSchema,
]);

export type HistoryHead = z.infer<typeof headSchema>;
export type HistoryLine = z.infer<typeof lineSchema>;
export type LineOf<Kind extends HistoryLine['kind']> = Extract<HistoryLine, { kind: Kind }>;

export interface History {
  readonly head: HistoryHead;
  /** In the order of time. */
  readonly lines: readonly HistoryLine[];
  /** Lines that could not be read. */
  readonly damaged: number;
}

/** Of a file: far more than a run writes. */
export const maxHistoryBytes = 8 * 1024 * 1024;

/** A history without lines. */
export function newHistory({ name, uid }: HistoryHead['job']): History {
  const job = { name, uid };
  const format = historyFormat;
  const head = {
    kind: 'head',
    distillery: 'history',
    format,
    job,
    intervalMs: firstIntervalMs,
    eventsLeftOut: 0,
  } as const;
  return { head, lines: [], damaged: 0 };
}

/** The lines as a reader will see them, without those that it could not read. */
export function soundLines(lines: readonly HistoryLine[]): HistoryLine[] {
  return lines.flatMap((line) => lineSchema.safeParse(line).data ?? []);
}

/** @returns null when the text is no history of the job with this uid (history/2) */
export function readHistory(content: string, uid: string): History | null {
  if (content.length > maxHistoryBytes) return null;
  const [first = '', ...rest] = content.split('\n');
  const head = headSchema.safeParse(parsedJson(first)).data;
  if (head?.job.uid !== uid) return null;
  const lines: HistoryLine[] = [];
  let damaged = 0;
  for (const line of rest) {
    if (line.trim() === '') continue;
    const value = lineSchema.safeParse(parsedJson(line)).data;
    if (value === undefined) damaged += 1;
    else lines.push(value);
  }
  return { head, lines: lines.sort((a, b) => a.t - b.t), damaged };
}

/** True for the history of any job. */
export function isHistory(content: string): boolean {
  return headSchema.safeParse(parsedJson(content.slice(0, content.indexOf('\n')))).success;
}

export function historyText({ head, lines }: Pick<History, 'head' | 'lines'>): string {
  return [head, ...lines].map(lineText).join('');
}

export function lineText(line: HistoryHead | HistoryLine): string {
  return `${JSON.stringify(line)}\n`;
}

/** The lines of one kind. */
export function linesOf<Kind extends HistoryLine['kind']>(
  lines: readonly HistoryLine[],
  kind: Kind,
): readonly LineOf<Kind>[] {
  return lines.filter((line): line is LineOf<Kind> => line.kind === kind);
}
