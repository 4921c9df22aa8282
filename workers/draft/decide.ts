/**
 * What `distill init` does next, from what it has seen: inspect something, ask, refuse, or write the job. A pure function:
 * the same files and the same answers give the same job.
 */
import { count } from '@distillery/base';

import { type FieldChoice, fieldsFor } from './fields.js';
import { type Chosen, jobText } from './job.js';
import { type Need, needOf } from './need.js';
import { type Decision, type Draft, inspect, refuse, Undecided } from './outcome.js';
import { canBeNamed, shownPath } from './paths.js';
import { type PixelChoice, pixelsByTrials, pixelsToTry, settingOf } from './pixels.js';
import type { Opened, PixelRange, Reading, Seen, Trial } from './seen.js';
import { dataOf, teacherOf, tokenizerOf } from './sources.js';
import { studentFor, trainingFor } from './student.js';
import { type OutputChoice, outputOf, taskOf } from './task.js';

export function decide(seen: Seen): Decision {
  const chosen = choose(withUsableColumns(seen));
  if (chosen instanceof Undecided) return chosen.decision;
  return { kind: 'job', draft: { text: jobText(seen, chosen), summary: summaryOf(seen, chosen) } };
}

const longestColumn = 256;

/** Without columns that a job cannot name. */
function withUsableColumns(seen: Seen): Seen {
  if (seen.data === undefined) return seen;
  const usable = ({ name }: { readonly name: string }): boolean =>
    name !== '' && name !== '*' && name.length <= longestColumn;
  return { ...seen, data: { ...seen.data, columns: seen.data.columns.filter(usable) } };
}

function choose(seen: Seen): Chosen | Undecided {
  const teacher = teacherOf(seen);
  if (teacher instanceof Undecided) return teacher;
  if (seen.teacher === undefined) return inspect({ what: 'teacher', path: teacher.path, format: teacher.format });
  const hasTokenizer = seen.asked.tokenizer !== undefined || seen.found.tokenizers.length > 0;
  const need = needOf(teacher.path, seen.teacher.inputs, hasTokenizer);
  if (need instanceof Undecided) return need;
  const tokenizer = tokenizerOf(seen, need, teacher.path);
  if (tokenizer instanceof Undecided) return tokenizer;
  const output = outputOf(seen, teacher.path);
  if (output instanceof Undecided) return output;
  const source = dataOf(seen, need);
  if (source instanceof Undecided) return source;
  const unnamed = [teacher.path, source.path, ...(tokenizer === null ? [] : [tokenizer])].find(
    (path) => !canBeNamed(seen.jobFolder, path),
  );
  if (unnamed !== undefined)
    return refuse(JSON.stringify(unnamed), 'no uri can hold this name', 'rename it, or move it');
  if (seen.data === undefined) return inspect({ what: 'data', path: source.path, format: source.format });
  const fields = fieldsFor(seen, need, teacher, source);
  if (fields instanceof Undecided) return fields;
  const { opened } = seen;
  if (opened === undefined) return inspect({ what: 'opened', dataset: fields.dataset, tokenizer });
  const readings = readingsFor(seen, { need, fields, opened, output, tokenizer });
  if (readings instanceof Undecided) return readings;
  if (seen.trials === undefined) {
    return inspect({
      what: 'trials',
      teacher,
      dataset: fields.dataset,
      readings: readings.map(({ reading }) => reading),
    });
  }
  return chooseRest(seen, { teacher, need, source, fields, opened, output, readings, trials: seen.trials });
}

/** Labeled samples that a warning needs, and how much better than chance a teacher is without one. */
const fewestJudged = 16;
const hardlyBetter = 1.5;

/** A way to read samples, and what it says of pixels. */
interface Candidate {
  readonly reading: Reading;
  readonly pixels: PixelChoice | null;
  /** The range that is tried; null = nothing is open. */
  readonly range: PixelRange | null;
}

/** Shortest and longest texts that are proposed, in tokens. */
const tokenBounds = { least: 16, most: 256, step: 16 } as const;

function readingsFor(
  seen: Seen,
  {
    need,
    fields,
    opened,
    output,
    tokenizer,
  }: {
    readonly need: Need;
    readonly fields: FieldChoice;
    readonly opened: Opened;
    readonly output: OutputChoice;
    readonly tokenizer: string | null;
  },
): readonly Candidate[] | Undecided {
  const base: Reading = {
    input: fields.input,
    ...(fields.inputs === undefined ? {} : { inputs: fields.inputs }),
    ...(tokenizer === null ? {} : { tokenizer: { path: tokenizer, maxTokens: maxTokensFor(need, opened) } }),
    ...(Object.keys(output.output).length === 0 ? {} : { output: output.output }),
  };
  const channels = channelsOf(opened);
  if (channels === null) return [{ reading: base, pixels: null, range: null }];
  const pixels = pixelsToTry(seen, fields.pixelsOpen, channels, opened.target?.kind === 'class');
  if (pixels instanceof Undecided) return pixels;
  const withSetting = ({ setting }: Pick<PixelChoice, 'setting'>): Reading => ({
    ...base,
    input: { ...fields.input, ...setting },
  });
  if ('setting' in pixels) return [{ reading: withSetting(pixels), pixels, range: null }];
  return pixels.map((range) => ({
    reading: withSetting({ setting: settingOf(range, channels) }),
    pixels: null,
    range,
  }));
}

function maxTokensFor(need: Need, { tokens }: Opened): number {
  const lengths = need.kind === 'text' ? need.inputs.flatMap(({ shape }) => shape[1] ?? []) : [];
  const { least, most, step } = tokenBounds;
  const usual = Math.min(most, Math.max(least, Math.ceil((tokens?.usual ?? 0) / step) * step));
  return Math.min(usual, ...lengths);
}

/** Of the pictures that the samples hold; null = they hold none. */
function channelsOf({ inputs }: Opened): number | null {
  const all = Object.values(inputs);
  const [only] = all;
  return all.length === 1 && only?.dtype === 'float32' && only.shape.length === 3 ? (only.shape[2] ?? null) : null;
}

function chooseRest(
  seen: Seen,
  made: Pick<Chosen, 'teacher' | 'source' | 'fields' | 'opened' | 'output'> & {
    readonly need: Need;
    readonly readings: readonly Candidate[];
    readonly trials: readonly Trial[];
  },
): Chosen | Undecided {
  const { need, readings, trials, fields, opened, output, teacher, source } = made;
  const best = bestReading(readings, trials, opened);
  if (best instanceof Undecided) return best;
  const { reading, pixels, trial } = best;
  const { columns: width } = trial;
  const { target } = opened;
  const task = taskOf(seen, output, target, trial);
  if (task instanceof Undecided) return task;
  const labels = target === null || target.kind === 'values' ? 0 : target.classes;
  if (task.task === 'classes' && labels > width) {
    return refuse(
      shownPath(seen.folder, source.path),
      `its labels are ${String(labels)} classes, and the teacher answers ${String(width)}`,
      'name the label with --label COLUMN, or none',
    );
  }
  if (task.task === 'numbers' && target?.kind === 'values' && target.width !== width) {
    return refuse(
      shownPath(seen.folder, source.path),
      `its label has ${String(target.width)} numbers, and the teacher answers ${String(width)}`,
      'name the label with --label COLUMN, or none',
    );
  }
  if (target?.kind === 'classes' && task.task === 'classes' && labels !== width) {
    return refuse(
      shownPath(seen.folder, source.path),
      `its lists name ${String(labels)} classes, and the teacher answers ${String(width)}`,
      'learn without labels (--label none), or list all classes in dataset.fields by hand',
    );
  }
  const student = studentFor(seen, need, opened, width, reading.tokenizer?.maxTokens ?? null);
  if (student instanceof Undecided) return student;
  const training = trainingFor(need, opened, trial.samplesPerSecond);
  return {
    teacher,
    source,
    fields,
    opened,
    reading,
    pixels,
    output,
    task,
    width,
    student,
    training,
    warning: warningOf(trial),
  };
}

function bestReading(
  readings: readonly Candidate[],
  trials: readonly Trial[],
  opened: Opened,
): (Candidate & { readonly trial: Extract<Trial, { ok: true }> }) | Undecided {
  const pairs = readings.map((candidate, at) => ({ ...candidate, trial: trials[at] }));
  const [only, another] = pairs;
  if (only === undefined) throw new RangeError('decide: nothing was tried');
  if (another === undefined) return sound(only);
  const ranges = pairs.flatMap(({ range, trial }) => (range === null || trial === undefined ? [] : [{ range, trial }]));
  const chosen = pixelsByTrials(ranges, channelsOf(opened) ?? 1);
  if (chosen instanceof Undecided) return chosen;
  const tried = pairs.find(({ range }) => range === chosen.range) ?? only;
  return sound({ ...tried, pixels: chosen });
}

function sound(
  pair: Candidate & { readonly trial: Trial | undefined },
): (Candidate & { readonly trial: Extract<Trial, { ok: true }> }) | Undecided {
  const { trial } = pair;
  if (trial === undefined) throw new RangeError('decide: a trial is missing');
  return trial.ok ? { ...pair, trial } : new Undecided({ kind: 'refuse', fault: trial.fault });
}

/** A teacher that is hardly better than chance on labeled samples reads them wrongly, or counts classes in another order. */
function warningOf({ score, columns }: Extract<Trial, { ok: true }>): string | null {
  if (score === null || score.samples < fewestJudged || score.accuracy * columns > hardlyBetter) return null;
  return (
    `Check this first: the teacher is right on ${String(Math.round(score.accuracy * 100))} % of ${String(score.samples)} labeled samples, ` +
    'hardly more than by chance; the order of the classes or the preparation of the samples may be wrong'
  );
}

function summaryOf(
  { folder }: Seen,
  { teacher, source, opened, task, width, student, training, warning }: Chosen,
): Draft['summary'] {
  const held = opened.heldOut === null ? '' : `, ${String(opened.heldOut)} held out`;
  const labels =
    opened.target === null
      ? ', no labels'
      : opened.target.kind === 'values'
        ? ''
        : `, ${String(opened.target.classes)} classes`;
  return [
    ['teacher', `${shownPath(folder, teacher.path)}: ${count(width, 'number')} a sample, taken as ${task.task}`],
    [
      'data',
      `${shownPath(folder, source.path)} (${source.format}): ${String(opened.rows)} rows to train on${held}${labels}`,
    ],
    [
      'student',
      `${student.uri}${student.weights === null ? '' : `: ${student.weights.toLocaleString('en-US')} weights`}`,
    ],
    ['training', `${String(training.epochs)} epochs in batches of ${String(training.batchSize)}`],
    ...(warning === null ? [] : [['warning', warning] as const]),
  ];
}
