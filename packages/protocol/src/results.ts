/**
 * The result files of a job, the report among them, and how a reader checks them (docs/protocol.md "Results"): the digest of the student's weights, and the
 * list of the result files with the SHA-256 of each, in the format of `sha256sum -c`. The job's status names the digest and
 * the SHA-256 of the list, so that it covers every byte of every file. Pure: the caller hashes.
 *
 * The digest shows whether two runs ended with the same student, to the last bit. The student computes it from memory, a
 * reader of the model from its files.
 */

import { z } from 'zod';

import { namedMetricsSchema } from './metrics.js';

export const resultFileNames = {
  /** Topology of the model, as `tf.loadLayersModel` reads it. */
  model: 'model.json',
  weights: 'weights.bin',
  /** The same model for ONNX Runtime. Optional: not every layer has an ONNX form, and earlier releases wrote none. */
  onnx: 'model.onnx',
  /** JSON that fits `resultReportSchema`. */
  report: 'metrics.json',
  /** The list of the other files. */
  sums: 'SHA256SUMS',
} as const;

/** Name of the list among the results. */
export const resultSumsName = resultFileNames.sums;

/** The files that a student writes, in this order: the list last. A reader requires none but the model's. */
export const resultFiles: readonly string[] = Object.values(resultFileNames);

/** A file that a result may be. */
export const resultNamePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** @param sums SHA-256 in lower-case hex, by file name */
export function resultSumsText(sums: ReadonlyMap<string, string>): string {
  return [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join('');
}

/** @returns the sums by name; null for a text that is not such a list, or that names a file twice */
export function readResultSums(text: string): Map<string, string> | null {
  const sums = new Map<string, string>();
  const lines = text.split('\n');
  // A last line without an end was cut.
  if (lines.pop() !== '') return null;
  for (const line of lines) {
    const [, sum = '', name = ''] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (!resultNamePattern.test(name) || sums.has(name)) return null;
    sums.set(name, sum);
  }
  return sums;
}

/** A named tensor outside any runtime: row-major, little-endian. */
export interface NamedWeights {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/**
 * The texts and bytes whose SHA-256, in hex, is the digest: each tensor in the order of the names, its name and shape
 * before its bits. The order of the list does not matter.
 */
export function* weightsDigestParts(weights: readonly NamedWeights[]): Generator<string | Uint8Array> {
  for (const tensor of inDigestOrder(weights)) {
    yield weightsDigestHead(tensor);
    yield new Uint8Array(tensor.data.buffer, tensor.data.byteOffset, tensor.data.byteLength);
  }
}

/** The order in which tensors enter the digest. */
export function inDigestOrder<T extends { readonly name: string }>(tensors: readonly T[]): T[] {
  return [...tensors].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/** What enters the digest before a tensor's bits: JSON delimits name and shape, and the shape gives the number of bytes that follow. */
export function weightsDigestHead({ name, shape }: Pick<NamedWeights, 'name' | 'shape'>): string {
  return JSON.stringify([name, shape]);
}

/** Most rows that a report names. */
export const maxReplacedNames = 100;

/** What a student measured: a checkpoint carries it, so that a resumed run reports as an undisturbed one would. */
export const trainingMetricsSchema = z.object({
  /**
   * The newest ones, in step order. `accuracy` is null where the targets are not one class; `loss` is the mean hard loss
   * of a sample (cross-entropy in nats, or half the squared error), null without targets. Students of earlier releases name no metrics.
   */
  evaluations: z.array(
    z.object({
      step: z.number(),
      accuracy: z.number().nullable(),
      loss: z.number().nullable(),
      metrics: namedMetricsSchema.optional(),
    }),
  ),
  /** Mean training loss of stretches of equal length; `step` is the first one after the stretch. `metrics` likewise. */
  losses: z.array(z.object({ step: z.number(), loss: z.number(), metrics: namedMetricsSchema.optional() })),
  /** The stretch that is not full yet: the sum of its losses and their number, and the same of each metric. */
  openStretch: z.object({
    sum: z.number(),
    count: z.number(),
    metrics: z.record(z.string(), z.object({ sum: z.number(), count: z.number() })).optional(),
  }),
  /** Steps trained on labels alone because no teacher could compute them: the first ones, and how many in all. */
  skippedSteps: z.array(z.number()),
  skipped: z.number(),
  /** Digest of the weights before the first step; absent where the seed decided all of them. */
  startedFrom: z.string().max(200).optional(),
  /**
   * The runtimes that trained, each from its first step on: what decides the last bits of the weights, with all of it. More
   * than one where an attempt continued with another. Absent in earlier releases.
   */
  computedBy: z.array(z.object({ step: z.number(), runtime: z.string() })).optional(),
  /**
   * Rows of the data set that gave way to others (`dataset.onBadSample: Replace`), by file and row: the first ones in the order of
   * their names, and how many in all. Absent = none.
   */
  replacedRows: z.object({ count: z.number(), names: z.array(z.string()).max(maxReplacedNames) }).optional(),
});
export type TrainingMetrics = z.infer<typeof trainingMetricsSchema>;

/** A training that ended before its last epoch (`training.earlyStop`). */
export const stoppedEarlySchema = z.object({
  /** The score that did not improve. */
  metric: z.string().max(63),
  /** Steps of all epochs. */
  plannedSteps: z.number().int().min(0).max(1e12),
  /** Step of the best evaluation; null = none had the score. */
  bestStep: z.number().int().min(0).max(1e12).nullable(),
});
export type StoppedEarly = z.infer<typeof stoppedEarlySchema>;

/** Content of `metrics.json`. */
export const resultReportSchema = trainingMetricsSchema.extend({
  job: z.object({ uid: z.string(), namespace: z.string(), name: z.string() }),
  /** SHA-256 of the weights, in lower-case hex (docs/protocol.md "Results"). */
  digest: z.string(),
  /** Of the last evaluation; null where the data set holds nothing out, or has no classes. */
  accuracy: z.number().nullable(),
  loss: z.number().nullable(),
  /** Of the last evaluation, and agreement with the teacher over the last stretches; absent in earlier releases. */
  metrics: namedMetricsSchema.optional(),
  steps: z.number(),
  /** Absent when all steps of the job were trained. */
  stoppedEarly: stoppedEarlySchema.optional(),
  /** Trained numbers in the model. */
  parameters: z.number(),
  /** Where the student computed, for people. */
  runtime: z.string(),
  /** Why there is no `model.onnx`, for people; absent when there is one, and in reports of earlier releases. */
  onnxLeftOut: z.string().optional(),
});
export type ResultReport = z.infer<typeof resultReportSchema>;

/** Uid of the job that wrote a report, of any release; null when the value is no report. */
export function jobOfReport(value: unknown): string | null {
  return reportJobSchema.safeParse(value).data?.job.uid ?? null;
}
const reportJobSchema = z.object({ job: z.object({ uid: z.string() }) });
