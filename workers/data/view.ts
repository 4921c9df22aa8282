/** Samples as teacher and student both see them, augmented by the step's seed; and the check of their labels. */
import { type Augment, augmentations, windowBlocks } from '@distillery/protocol';

import { DataError, type Samples, type Split } from '../samples/index.js';

interface BatchPosition {
  /** Augmentation seed of the step. */
  readonly seed: number;
  /** Position in the step's batch of the first sample named. */
  readonly firstSample: number;
}

/**
 * Samples as teacher and student both see them: a pure function of its arguments and the files.
 * @throws DataError for an augmentation that samples of their kind cannot have
 */
export async function batchOf(
  split: Split,
  indices: ArrayLike<number>,
  how: Augment,
  position: BatchPosition,
): Promise<Samples> {
  const samples = await split.read(indices);
  for (const [name, { kind, shape }] of Object.entries(split.spec.inputs)) {
    const augmentation = augmentations[kind];
    const tensor = samples.inputs[name];
    if (!augmentation.takes(how)) {
      throw new DataError({
        about: `input ${name}`,
        problem: 'its samples are no images and cannot be augmented',
        remedy: 'set training.augment.shift and training.augment.noise to 0, and flip to false',
      });
    }
    if (tensor?.dtype === 'float32') augmentation.apply(tensor.data, how, { ...position, shape });
  }
  return samples;
}

/** Where nothing says how many rows lie together. */
const rowsTogether = 8 * 1_024;

/** Rows of a block of `training.shuffle: Blocks`: the blocks of one window are as many rows as lie together. */
export function blockRowsOf({ rowsPerBlock = rowsTogether }: Pick<Split, 'rowsPerBlock'>): number {
  return Math.ceil(rowsPerBlock / windowBlocks);
}

/** The indices of all samples in order, in parts of at most `samplesAtOnce`. */
export function* inParts({ length }: Pick<Split, 'length'>, samplesAtOnce: number): Generator<Uint32Array> {
  for (let start = 0; start < length; start += samplesAtOnce) {
    yield Uint32Array.from({ length: Math.min(samplesAtOnce, length - start) }, (_, at) => start + at);
  }
}

const labelsAtOnce = 8_192;

/**
 * Makes sure that the logits have a column for every class. Targets that are no single class are checked by the loss.
 * @param columns width of the logits
 * @param widen how to give the model more outputs, as an imperative
 * @throws DataError naming the first sample whose label is too large; ReadError
 */
export async function checkLabels(split: Split, columns: number, widen: (outputs: number) => string): Promise<void> {
  const { target, positions } = split.spec;
  if (target?.kind !== 'class' || target.classes <= columns) return;
  for await (const { start, labels } of labelsOf(split)) {
    const at = labels.findIndex((label) => label >= columns);
    if (at < 0) continue;
    throw new DataError({
      about: `sample ${String(start + Math.floor(at / positions))}`,
      found: labelText(labels[at] ?? 0, target.names),
      expected: `0 to ${String(columns - 1)}, as the model has ${String(columns)} outputs`,
      remedy:
        target.names === null
          ? await labelRemedy(split, target.classes, columns, widen)
          : nameRemedy(columns, widen(target.classes)),
    });
  }
}

function labelText(label: number, names: readonly string[] | null): string {
  const name = names?.[label];
  return name === undefined
    ? `label ${String(label)}`
    : `label ${String(label)} (${JSON.stringify(name.slice(0, nameShown))})`;
}

const nameShown = 40;

function nameRemedy(columns: number, wider: string): string {
  return `list the model's ${String(columns)} classes in classes of the labels' field, in the order of its outputs, or ${wider}`;
}

async function labelRemedy(
  split: Split,
  classes: number,
  columns: number,
  widen: (outputs: number) => string,
): Promise<string> {
  const wider = widen(classes);
  if (columns === 1) return `set the type of the labels to target where they are numbers to predict, or ${wider}`;
  let first = Infinity;
  for await (const { labels } of labelsOf(split)) {
    first = labels.reduce((least, label) => Math.min(least, label), first);
  }
  if (first === 0 || classes - first > columns) return `${wider}, or remove the sample`;
  const counted = first === 1 ? "set firstClass: 1 on the labels' field" : 'number the classes from 0';
  return `no label is below ${String(first)}: ${counted}, or ${wider}`;
}

async function* labelsOf(split: Split): AsyncGenerator<{ readonly start: number; readonly labels: Int32Array }> {
  for (const indices of inParts(split, labelsAtOnce)) {
    const targets = await split.targets(indices);
    if (targets?.kind === 'class') yield { start: indices[0] ?? 0, labels: targets.labels };
  }
}
