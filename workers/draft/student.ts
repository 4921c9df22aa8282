/** A student that fits: a preset and its parameters, batch size and epochs. Pure. */
import { choosePreset, PresetError, type PresetInput, presetTopology } from '@distillery/presets';
import { readStudentModelUri } from '@distillery/protocol';

import type { Need } from './need.js';
import { refuse, Undecided } from './outcome.js';
import { fileUri } from './paths.js';
import type { Opened, Seen } from './seen.js';

export interface StudentChoice {
  readonly uri: string;
  /** null = a file of the person's own. */
  readonly weights: number | null;
  readonly why: string;
}

/** Sides of pictures from which on fewer pixels are convolved. */
const strides = [
  { below: 49, stride: 1 },
  { below: 97, stride: 2 },
  { below: 513, stride: 4 },
  { below: Infinity, stride: 8 },
] as const;
const smallSide = 33;

/** @param width of the teacher's answers */
export function studentFor(
  seen: Seen,
  need: Need,
  opened: Opened,
  width: number,
  maxTokens: number | null,
): StudentChoice | Undecided {
  const { asked, jobFolder } = seen;
  if (asked.student?.startsWith('/') === true) {
    return {
      uri: fileUri(jobFolder, asked.student),
      weights: null,
      why: `as --student says; it must give ${String(width)} numbers`,
    };
  }
  const { text, why } =
    asked.student === undefined ? presetFor(need, opened) : { text: asked.student, why: 'as --student says' };
  const read = readStudentModelUri(/^preset:/i.test(text) ? text : `preset://${text}`);
  if (!read.ok || read.value.scheme !== 'preset') {
    const fault = read.ok ? { clause: 'it is no preset', remedy: 'name one that distill models lists' } : read.fault;
    return refuse('--student', fault.clause, fault.remedy);
  }
  const { name, parameters } = read.value;
  const outputs = parameters.find(([parameter]) => parameter === 'outputs')?.[1];
  if (outputs !== undefined && outputs !== String(width)) {
    return refuse(
      '--student',
      `it has ${outputs} outputs, and the teacher answers ${String(width)} numbers`,
      `leave outputs out, or write outputs=${String(width)}`,
    );
  }
  // The data set says the number of classes: the width is only written where they differ.
  const known =
    opened.target === null ? null : opened.target.kind === 'values' ? opened.target.width : opened.target.classes;
  const all =
    outputs !== undefined || known === width ? parameters : [...parameters, ['outputs', String(width)] as const];
  try {
    const chosen = choosePreset(name, all);
    const { parameters: weights } = presetTopology(chosen, {
      inputs: inputsOf(opened, maxTokens),
      outputs: known ?? undefined,
    });
    const query = all.map(([parameter, value]) => `${parameter}=${value}`).join('&');
    return { uri: `preset://${name}${query === '' ? '' : `?${query}`}`, weights, why };
  } catch (error) {
    if (!(error instanceof PresetError)) throw error;
    return new Undecided({ kind: 'refuse', fault: error.fault });
  }
}

function inputsOf({ inputs, tokens }: Opened, maxTokens: number | null): Readonly<Record<string, PresetInput>> {
  const of = ({ dtype, shape, values }: Opened['inputs'][string]): PresetInput =>
    dtype === 'text'
      ? { dtype: 'int32', shape: [maxTokens ?? 0], ...(tokens === null ? {} : { values: tokens.vocabulary }) }
      : { dtype, shape, ...(values === undefined ? {} : { values }) };
  return Object.fromEntries(Object.entries(inputs).map(([name, input]) => [name, of(input)]));
}

function presetFor(need: Need, { inputs }: Opened): { readonly text: string; readonly why: string } {
  const image = Object.values(inputs).find(({ dtype, shape }) => dtype === 'float32' && shape.length === 3);
  if (image !== undefined && Object.keys(inputs).length === 1) {
    const [height = 0, width = 0] = image.shape;
    const side = Math.min(height, width);
    if (side < smallSide)
      return { text: side < 4 ? 'mlp' : 'cnn-tiny?dense=32', why: 'small pictures: convolutions and one dense layer' };
    const { stride } = strides.find(({ below }) => side < below) ?? { stride: 1 };
    const at = stride === 1 ? '' : `?stride=${String(stride)}`;
    return {
      text: `mobilenet-tiny${at}`,
      why: 'pictures: few weights and multiplications; a smaller stride sees more and trains longer',
    };
  }
  if (need.kind === 'text') return { text: 'text-cnn', why: 'texts: convolutions over token vectors' };
  if (need.kind === 'bytes') return { text: 'bytes-cnn', why: 'bytes: convolutions over the content of a file' };
  return { text: 'mlp', why: 'numbers: fully connected layers' };
}

export interface TrainingChoice {
  readonly batchSize: number;
  readonly epochs: number;
  readonly why: string;
}

const epochLadder = [30, 20, 10, 5, 3, 2, 1] as const;
/** Samples that a student sees in a first run, and seconds that its teachers may compute: some minutes in all. */
const samplesSeen = { image: 100_000, text: 100_000, bytes: 60_000, numbers: 600_000, columns: 600_000 } as const;
const forSmallPictures = 3;
const teacherSeconds = 120;
/** Threads that teach beside the student on a small machine. */
const teachers = 2;

export function trainingFor(need: Need, { rows, inputs }: Opened, samplesPerSecond: number): TrainingChoice {
  const usual = rows >= 20_000 ? 128 : rows >= 2_000 ? 64 : rows >= 256 ? 32 : 16;
  const batchSize = Math.max(1, Math.min(usual, rows));
  const byTeacher = samplesPerSecond * teachers * teacherSeconds;
  const first = samplesSeen[need.kind] * (Object.values(inputs).some(isSmallPicture) ? forSmallPictures : 1);
  const most = Math.min(first, byTeacher);
  const epochs = epochLadder.find((each) => each * rows <= most) ?? 1;
  const limited = byTeacher < first && epochs < epochLadder[0];
  const why = limited
    ? `the teacher answers about ${String(rounded(samplesPerSecond))} samples a second on one core; more epochs make a better student`
    : `${epochs === 1 ? 'one pass' : `${String(epochs)} passes`} over ${String(rows)} rows: a first run of some minutes; more epochs make a better student`;
  return { batchSize, epochs, why };
}

function isSmallPicture({ dtype, shape }: Opened['inputs'][string]): boolean {
  return dtype === 'float32' && shape.length === 3 && Math.min(shape[0] ?? 0, shape[1] ?? 0) < smallSide;
}

/** To two digits: the measured speed changes from run to run. */
function rounded(value: number): number {
  if (value < 10) return Math.max(1, Math.round(value));
  const unit = 10 ** (Math.floor(Math.log10(value)) - 1);
  return Math.round(value / unit) * unit;
}
