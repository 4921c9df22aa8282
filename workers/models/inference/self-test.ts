/**
 * The self-test (design §4): the first teacher writes what it answers for some samples; each later one joins only when
 * it answers the same, so that a wrong model, preprocessing or device never trains a student.
 *
 * The first teacher has nothing to compare with, so every teacher first checks its own answers: one row of logits for each
 * sample, finite (open.ts), the same when asked again in another batch, not one answer for different samples, and tokens
 * that hold the texts (texts.ts). Whether
 * it is the model that was meant, and whether its preprocessing is that of its training, no teacher can know
 * (docs/adr/0019-models-are-checked-first.md).
 */
import type { Fault } from '@distillery/base';
import type { Reference } from '@distillery/protocol';

import type { Samples, Split } from '../../samples/index.js';
import { judgeTexts, type SeenText, textsDiffer } from './texts.js';

/** The part of an Inference, or of an inference thread, that is tested. */
export interface Answering {
  readonly columns: number;
  readonly digestHex: string;
  infer(samples: Samples): Promise<Float32Array | { readonly logits: Float32Array }>;
  /** What its tokens say of each sample; absent or null = it takes no texts. */
  textsOf?(samples: Samples): TextsOf | Promise<TextsOf>;
  /** The models of an ensemble, each alone; absent = one model. */
  readonly members?: readonly (Tested & { readonly name: string })[];
}

type TextsOf = readonly SeenText[] | null;
type Tested = Pick<Answering, 'columns' | 'infer' | 'textsOf'>;

const samplesTested = 8;

type OwnAnswers =
  | {
      readonly ok: true;
      readonly reference: Reference;
      /** Likely mistakes, in sentences. */ readonly notes: readonly string[];
    }
  | { readonly ok: false; readonly reason: 'constant' | 'unsteady' | 'texts'; readonly fault: Fault };

/**
 * What this teacher answers for the first training samples, unaugmented, once it was found that these answers can be a
 * reference for others.
 * @param tolerance largest difference of a logit between two batches that still passes
 */
export async function selfTestAnswers(inference: Answering, split: Split, tolerance: number): Promise<OwnAnswers> {
  const indices = Array.from({ length: Math.min(samplesTested, split.length) }, (_, index) => index);
  // A constant member shifts every answer of an ensemble alike, which its mean does not show.
  const notes: string[] = [];
  for (const member of inference.members ?? []) {
    const found = await testedAnswers(`the ensemble's ${member.name}`, member, split, indices, tolerance);
    if (!found.ok) return found;
    notes.push(...found.notes);
  }
  const found = await testedAnswers('the teacher', inference, split, indices, tolerance);
  if (!found.ok) return found;
  const { digestHex: teacherDigest, columns } = inference;
  const texts = found.texts?.map(({ read, decoded }) => ({ read, decoded }));
  return {
    ok: true,
    reference: { teacherDigest, columns, indices, logits: found.logits, ...(texts === undefined ? {} : { texts }) },
    notes: notes.length > 0 ? notes : found.notes,
  };
}

type OwnTest =
  | {
      readonly ok: true;
      readonly logits: number[][];
      readonly texts: TextsOf;
      readonly notes: readonly string[];
    }
  | Extract<OwnAnswers, { readonly ok: false }>;

/** @param who for messages */
async function testedAnswers(
  who: string,
  inference: Tested,
  split: Split,
  indices: readonly number[],
  tolerance: number,
): Promise<OwnTest> {
  const texts = await textsAt(inference, split, indices);
  const judged = judgeTexts(who, texts ?? []);
  if (judged.fault !== null) return { ok: false, reason: 'texts', fault: judged.fault };
  const differ = differing(await split.read(indices));
  const logits = await answers(inference, split, indices);
  const [first = []] = logits;
  if (differ && logits.every((row) => row.every((value, column) => value === first[column]))) {
    const fault = {
      about: 'self-test',
      problem: `${who} gives the same answer for all of the first ${String(indices.length)} training samples, though they differ`,
      remedy: 'check teacher.model.uri and teacher.input.mean and std',
    };
    return { ok: false, reason: 'constant', fault };
  }
  // Half of them and in reverse: finds random layers, and layers that mix the samples of a batch.
  const again = indices.slice(0, Math.ceil(indices.length / 2)).reverse();
  for (const [row, answer] of (await answers(inference, split, again)).entries()) {
    const sample = again[row] ?? 0;
    const column = farthest(answer, logits[sample] ?? [], tolerance);
    if (column === null) continue;
    const fault = {
      about: 'self-test',
      problem: `sample ${String(sample)}, logit ${String(column)}: ${who} answered ${String(logits[sample]?.[column])} in one batch and ${String(answer[column])} in another`,
      remedy: 'export the model for inference (no dropout, no statistics of the batch), or raise teacher.tolerance',
    };
    return { ok: false, reason: 'unsteady', fault };
  }
  return { ok: true, logits, texts, notes: judged.notes };
}

/** Whether any sample differs from the first one. */
function differing({ count, inputs }: Samples): boolean {
  return Object.values(inputs).some(({ data }) => {
    const size = data.length / count;
    return data.some((value, at) => value !== data[at % size]);
  });
}

/** The first column in which two rows differ by more than the tolerance; null where none does. A NaN differs. */
function farthest(found: readonly number[], expected: readonly number[], tolerance: number): number | null {
  const column = found.findIndex((value, at) => !(Math.abs(value - (expected[at] ?? Number.NaN)) <= tolerance));
  return column < 0 ? null : column;
}

type Comparison =
  | { readonly ok: true; readonly largestDifference: number }
  | {
      readonly ok: false;
      readonly reason: 'texts' | 'data' | 'digest' | 'columns' | 'reference' | 'samples' | 'answers';
      readonly fault: Fault;
    };

/**
 * @param tolerance largest difference of a logit that still passes
 * @param dataIdentity of the data set, which is part of the digest: compared first, so that the sentence names what differs
 */
export async function compareWithReference(
  inference: Answering,
  split: Split,
  reference: Reference,
  tolerance: number,
  dataIdentity?: string,
): Promise<Comparison> {
  const { teacherDigest, columns, indices } = reference;
  const missing = indices.find((index) => index >= split.length);
  // Before the digest, which covers the tokenizer too: this names what is wrong.
  const otherTexts = missing === undefined ? textsDiffer(await textsAt(inference, split, indices), reference) : null;
  if (otherTexts !== null) return { ok: false, reason: 'texts', fault: otherTexts };
  if (reference.dataIdentity !== undefined && dataIdentity !== undefined && reference.dataIdentity !== dataIdentity) {
    const fault = {
      about: 'self-test',
      found: `data set ${dataIdentity}`,
      expected: `${reference.dataIdentity} as the job's first teacher had`,
      remedy: 'give every teacher the same files and the same release',
    };
    return { ok: false, reason: 'data', fault };
  }
  if (teacherDigest !== inference.digestHex) {
    const fault = {
      about: 'self-test',
      found: `model ${inference.digestHex}`,
      expected: `${teacherDigest} as the job's first teacher had`,
      remedy: 'give every teacher the same files of models and tokenizers, and the same data set',
    };
    return { ok: false, reason: 'digest', fault };
  }
  if (columns !== inference.columns) {
    const fault = {
      about: 'self-test',
      found: `${String(inference.columns)} logits a sample`,
      expected: String(columns),
      remedy: 'give every teacher the same model file',
    };
    return { ok: false, reason: 'columns', fault };
  }
  const enough = Math.min(samplesTested, split.length);
  if (new Set(indices).size < enough) {
    const fault = {
      about: 'self-test',
      found: `reference answers for ${String(new Set(indices).size)} samples`,
      expected: `at least ${String(enough)}`,
      remedy: 'use workers of one version in all pools and make a new job',
    };
    return { ok: false, reason: 'reference', fault };
  }
  if (missing !== undefined) {
    const fault = {
      about: 'self-test',
      found: `${String(split.length)} training samples`,
      expected: `sample ${String(missing)} among them`,
      remedy: 'give every teacher the same data set',
    };
    return { ok: false, reason: 'samples', fault };
  }
  const rows = await answers(inference, split, indices);
  let largestDifference = 0;
  for (const [row, answer] of rows.entries()) {
    for (const [column, found] of answer.entries()) {
      const expected = reference.logits[row]?.[column] ?? Number.NaN;
      const difference = Math.abs(found - expected);
      // Not "difference > tolerance": a NaN must not pass.
      if (!(difference <= tolerance)) {
        const fault = {
          about: 'self-test',
          problem: `sample ${String(indices[row])}, logit ${String(column)}: found ${String(found)}, expected ${String(expected)} within ${String(tolerance)}`,
          remedy: "check this teacher's data, device and library, or raise teacher.tolerance",
        };
        return { ok: false, reason: 'answers', fault };
      }
      largestDifference = Math.max(largestDifference, difference);
    }
  }
  return { ok: true, largestDifference };
}

async function textsAt(inference: Tested, split: Split, indices: readonly number[]): Promise<TextsOf> {
  const hasTexts = Object.values(split.spec.inputs).some(({ dtype }) => dtype === 'text');
  return hasTexts ? ((await inference.textsOf?.(await split.read(indices))) ?? null) : null;
}

async function answers(inference: Tested, split: Split, indices: readonly number[]): Promise<number[][]> {
  const answer = await inference.infer(await split.read(indices));
  const logits = 'logits' in answer ? answer.logits : answer;
  const { columns } = inference;
  return indices.map((_, row) => Array.from(logits.subarray(row * columns, (row + 1) * columns)));
}
