/** What `distill init` may see, made by short names. */
import type { Found, Opened, Seen, SeenColumn, SeenData, SeenTeacher, Trial } from '../../../workers/draft/index.js';

export const folder = '/work/project';

export function foundWith(found: Partial<Found> = {}): Found {
  return {
    teachers: [{ path: `${folder}/teacher.onnx`, format: 'onnx' }],
    tokenizers: [],
    data: [{ path: `${folder}/photos`, format: 'imageFolder', holds: '600 pictures' }],
    files: 601,
    ...found,
  };
}

export function teacherWith(teacher: Partial<SeenTeacher> = {}): SeenTeacher {
  return {
    inputs: [{ name: 'pixels', dtype: 'float32', shape: [null, 3, 224, 224] }],
    outputs: [{ name: 'output', isFloat: true, shape: [null, 1_000], operator: 'Softmax' }],
    beside: {},
    ...teacher,
  };
}

export function column(name: string, more: Partial<SeenColumn> = {}): SeenColumn {
  return {
    name,
    holds: 'fraction',
    shape: [],
    empty: 0,
    distinct: 400,
    least: 0,
    most: 1,
    values: ['0.1', '0.2'],
    longest: 3,
    ...more,
  };
}

export const pictureColumns = [
  column('image', { holds: 'picture', distinct: 0, values: [] }),
  column('label', { holds: 'nothing', distinct: 0, values: [], empty: 512 }),
  column('path', { holds: 'text' }),
];

export function dataWith(data: Partial<SeenData> = {}): SeenData {
  return { rows: 600, heldOut: null, columns: pictureColumns, sampled: 512, natural: [], pictures: null, ...data };
}

export function openedWith(opened: Partial<Opened> = {}): Opened {
  return {
    rows: 600,
    heldOut: null,
    inputs: { image: { dtype: 'float32', shape: [224, 224, 3] } },
    target: null,
    tokens: null,
    ...opened,
  };
}

export function trialWith(trial: Partial<Extract<Trial, { ok: true }>> = {}): Trial {
  return {
    ok: true,
    columns: 1_000,
    kind: 'Probabilities',
    unit: false,
    score: null,
    samplesPerSecond: 1_000,
    ...trial,
  };
}

/** A folder of unlabeled photographs and a classifier of 1,000 classes, of which everything is known. */
export function seenWith(seen: Partial<Seen> = {}): Seen {
  return {
    folder,
    jobFolder: folder,
    asked: { pixels: 'imagenet' },
    found: foundWith(),
    teacher: teacherWith(),
    data: dataWith(),
    opened: openedWith(),
    trials: [trialWith()],
    ...seen,
  };
}
