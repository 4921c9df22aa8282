/**
 * The self-test (DESIGN §4): the first teacher writes what it answers for some samples; each later one joins only when
 * it answers the same, so that a wrong model, preprocessing or device never trains a student.
 */
import type { Reference } from '../../../src/protocol/index.js';
import type { Split } from '../../data/index.js';

/** The part of an Inference, or of an inference thread, that is tested. */
export interface Answering {
  readonly columns: number;
  readonly digestHex: string;
  infer(samples: Float32Array, rows: number): Promise<Float32Array | { readonly logits: Float32Array }>;
}

const samplesTested = 8;

/** What this teacher answers for the first training samples, unaugmented. */
export async function selfTestAnswers(inference: Answering, split: Split): Promise<Reference> {
  const indices = Array.from({ length: Math.min(samplesTested, split.length) }, (_, index) => index);
  return {
    teacherDigest: inference.digestHex,
    columns: inference.columns,
    indices,
    logits: await answers(inference, split, indices),
  };
}

type Comparison =
  | { readonly ok: true; readonly largestDifference: number }
  | { readonly ok: false; readonly reason: 'digest' | 'columns' | 'samples' | 'answers'; readonly sentence: string };

/** @param tolerance largest difference of a logit that still passes */
export async function compareWithReference(
  inference: Answering,
  split: Split,
  reference: Reference,
  tolerance: number,
): Promise<Comparison> {
  const { teacherDigest, columns, indices } = reference;
  if (teacherDigest !== inference.digestHex) {
    const sentence = `self-test: found model ${inference.digestHex}, expected ${teacherDigest} as the job's first teacher had; give every teacher the same model file and input settings`;
    return { ok: false, reason: 'digest', sentence };
  }
  if (columns !== inference.columns) {
    const sentence = `self-test: found ${String(inference.columns)} logits a sample, expected ${String(columns)}; give every teacher the same model file`;
    return { ok: false, reason: 'columns', sentence };
  }
  const missing = indices.find((index) => index >= split.length);
  if (missing !== undefined) {
    const sentence = `self-test: found ${String(split.length)} training samples, expected sample ${String(missing)} among them; give every teacher the same data set`;
    return { ok: false, reason: 'samples', sentence };
  }
  const rows = await answers(inference, split, indices);
  let largestDifference = 0;
  for (const [row, answer] of rows.entries()) {
    for (const [column, found] of answer.entries()) {
      const expected = reference.logits[row]?.[column] ?? Number.NaN;
      const difference = Math.abs(found - expected);
      // Not "difference > tolerance": a NaN must not pass.
      if (!(difference <= tolerance)) {
        const sentence = `self-test: sample ${String(indices[row])}, logit ${String(column)}: found ${String(found)}, expected ${String(expected)} within ${String(tolerance)}; check this teacher's data, device and library, or raise teacher.tolerance`;
        return { ok: false, reason: 'answers', sentence };
      }
      largestDifference = Math.max(largestDifference, difference);
    }
  }
  return { ok: true, largestDifference };
}

async function answers(inference: Answering, split: Split, indices: readonly number[]): Promise<number[][]> {
  const answer = await inference.infer(await split.read(indices), indices.length);
  const logits = 'logits' in answer ? answer.logits : answer;
  const { columns } = inference;
  return indices.map((_, row) => Array.from(logits.subarray(row * columns, (row + 1) * columns)));
}
