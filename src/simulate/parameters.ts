/**
 * The parameters of a simulated day, with their defaults. A file of parameters is user input: all problems are reported at
 * once, each with its field.
 */
import { alternatives, count } from '@distillery/base';
import { isNode, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';

import { TraceError } from './trace-error.js';

const positive = z.number().positive().max(1e9);
const nonNegative = z.number().min(0);
const amount = z.number().int().min(1).max(1e6);
const share = z.number().min(0).max(1);

const cluster = z
  .strictObject({
    nodes: amount.default(1_000),
    slotsPerNode: amount.max(64).default(8),
  })
  .prefault({});

const neighbors = z
  .strictObject({
    /** Mean share of all slots that neighbors would hold if they never waited. */
    load: share.default(0.7),
    /** How far the arrival rate swings around its mean over a day; 0 = the same at all hours. */
    dailySwing: share.default(0.3),
    /** Hour of the day at which most arrive. */
    peakHour: z.number().min(0).max(24).default(14),
    /** Run times are log-normal: half of them are below the median, a few are very long. */
    medianSeconds: positive.default(1_800),
    sigma: nonNegative.max(4).default(1.2),
    /** Relative frequencies of the sizes of pods. */
    sizes: z
      .array(z.strictObject({ slots: amount, share: positive }))
      .min(1)
      .default([
        { slots: 1, share: 0.7 },
        { slots: 2, share: 0.1 },
        { slots: 4, share: 0.1 },
        { slots: 8, share: 0.1 },
      ]),
  })
  .prefault({});

const jobs = z
  .strictObject({
    count: z.number().int().min(0).max(1e5).default(600),
    /** Jobs arrive uniformly at random between these hours. */
    fromHour: nonNegative.default(2),
    untilHour: nonNegative.default(18),
    /** Numbers of teachers that keep the student busy, equally likely. */
    teachersNeeded: z.array(amount).min(1).default([8, 16, 32, 64]),
    /** maxReplicas, relative to `teachersNeeded`. */
    mostOverNeeded: positive.min(1).default(2),
    /** Duration of the training if the student never waits: log-normal. */
    medianSeconds: positive.default(3_600),
    sigma: nonNegative.max(4).default(0.8),
    batchSize: amount.default(128),
    minReplicas: z.number().int().min(0).max(1e4).default(0),
    bufferTargetSeconds: positive.default(5),
  })
  .prefault({});

const teachers = z
  .strictObject({
    samplesPerSecond: positive.default(1_000),
    startSeconds: nonNegative.default(12),
    drainSeconds: nonNegative.default(3),
    graceSeconds: nonNegative.default(30),
    /** Speed by the model of the accelerator; 1 for models that are missing. */
    speeds: z.record(z.string(), positive).default({}),
  })
  .prefault({});

const parametersSchema = z
  .strictObject({
    hours: positive.max(24 * 366).default(24),
    cluster,
    neighbors,
    jobs,
    teachers,
    studentStartSeconds: nonNegative.default(15),
    /**
     * Only for the log of a real cluster: begin of the simulated hours in the log's own time; null = the window with the
     * most arrivals.
     */
    fromSeconds: nonNegative.max(1e12).nullable().default(null),
  })
  .refine(({ jobs: { fromHour, untilHour } }) => fromHour <= untilHour, {
    path: ['jobs', 'untilHour'],
    error: 'at least fromHour',
  })
  .refine(({ teachers: { drainSeconds, graceSeconds } }) => drainSeconds <= graceSeconds, {
    path: ['teachers', 'drainSeconds'],
    error: 'at most graceSeconds: the kubelet kills then',
  })
  .refine(({ cluster: { slotsPerNode }, neighbors: { sizes } }) => sizes.every(({ slots }) => slots <= slotsPerNode), {
    path: ['neighbors', 'sizes'],
    error: 'sizes of at most cluster.slotsPerNode: no node would ever hold a larger one',
  });

export type Parameters = z.infer<typeof parametersSchema>;

/**
 * @param file name of the text in messages
 * @param text JSON or YAML
 * @throws TraceError
 */
export function readParameters(file: string, text: string): Parameters {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const fail = (offset: number, found: string, expected: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new TraceError(file, Math.max(1, line), Math.max(1, col), found, expected);
  };
  const [error] = document.errors;
  if (error !== undefined) return fail(error.pos[0], `text that cannot be read (${error.message})`, 'JSON or YAML');
  const checked = parametersSchema.safeParse(document.toJS() ?? {});
  if (checked.success) return checked.data;
  const [issue, ...others] = checked.error.issues;
  const path = issue?.path ?? [];
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const node = document.getIn([...path, ...unknown], true) ?? document.getIn(path, true) ?? document.contents;
  const name = [...path, ...unknown].map(String).join('.') || 'the file';
  const found = unknown.length > 0 ? `an unknown field ${name}` : `${name} as ${shortJson(node)}`;
  const expected = unknown.length > 0 ? alternatives(fieldsAt(path)) : expectedBy(issue);
  const more = others.length === 0 ? '' : ` (and ${count(others.length, 'more problem')})`;
  return fail(isNode(node) ? (node.range?.[0] ?? 0) : 0, found, `${expected}${more}`);
}

/** Names of the fields of the object at this path. */
function fieldsAt(path: readonly PropertyKey[]): string[] {
  // The defaults have every field, and one element or more of every list.
  const at = path.reduce<unknown>((value, key) => {
    const inner = value as Readonly<Record<PropertyKey, unknown>>;
    return inner[typeof key === 'number' ? 0 : key];
  }, parametersSchema.parse({}));
  return Object.keys(at as object);
}

function shortJson(node: unknown): string {
  const text = JSON.stringify(node);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}

function expectedBy(issue: z.core.$ZodIssue | undefined): string {
  switch (issue?.code) {
    case 'too_small':
      return `${issue.inclusive === false ? 'more than' : 'at least'} ${String(issue.minimum)}`;
    case 'too_big':
      return `at most ${String(issue.maximum)}`;
    case 'invalid_type':
      return kindOf.get(issue.expected) ?? issue.expected;
    default:
      return issue?.message ?? '';
  }
}

/** By the schema checker's words. */
const kindOf = new Map<string, string>([
  ['object', 'fields'],
  ['record', 'fields'],
  ['array', 'a list'],
  ['number', 'a number'],
  ['int', 'a whole number'],
]);
