/**
 * The result of a job: the names of its files, the report beside the model, and the list of all files with the SHA-256 of
 * each in the format of `sha256sum -c`. The job's status names the SHA-256 of that list, so that it vouches for every byte
 * of every file. Pure.
 */
import { z } from 'zod';

export const resultFileNames = {
  /** Topology of the model, as `tf.loadLayersModel` reads it. */
  model: 'model.json',
  weights: 'weights.bin',
  /** JSON that fits `resultReportSchema`. */
  report: 'metrics.json',
  /** The list of the other files. */
  sums: 'SHA256SUMS',
} as const;

/** Name of the list among the results. */
export const resultSumsName = resultFileNames.sums;

/** The files that a student writes, in this order: the list last. */
export const resultFiles: readonly string[] = Object.values(resultFileNames);

/** A file that a result may be. */
export const resultNamePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** @param sums SHA-256 in lower-case hex, by file name */
export function resultSumsText(sums: ReadonlyMap<string, string>): string {
  return [...sums].map(([name, sum]) => `${sum}  ${name}\n`).join('');
}

/** @returns the sums by name; null for what is no such list, or names a file twice */
export function readResultSums(text: string): Map<string, string> | null {
  const sums = new Map<string, string>();
  const lines = text.split('\n');
  // A last line that does not end is one that was cut.
  if (lines.pop() !== '') return null;
  for (const line of lines) {
    const [, sum = '', name = ''] = /^([0-9a-f]{64}) [ *](.+)$/.exec(line) ?? [];
    if (!resultNamePattern.test(name) || sums.has(name)) return null;
    sums.set(name, sum);
  }
  return sums;
}

/** What a student measured: a checkpoint carries it, so that a resumed run reports as an undisturbed one would. */
export const trainingMetricsSchema = z.object({
  /** The newest ones, in step order. `loss` is the mean cross-entropy in nats a sample. */
  evaluations: z.array(z.object({ step: z.number(), accuracy: z.number(), loss: z.number() })),
  /** Mean training loss of stretches of equal length. */
  losses: z.array(z.object({ step: z.number(), loss: z.number() })),
  /** The stretch that is not full yet: the sum of its losses and their number. */
  openStretch: z.object({ sum: z.number(), count: z.number() }),
  /** Steps trained on labels alone because no teacher could compute them: the first ones, and how many in all. */
  skippedSteps: z.array(z.number()),
  skipped: z.number(),
});
export type TrainingMetrics = z.infer<typeof trainingMetricsSchema>;

/** Content of `metrics.json`. */
export const resultReportSchema = trainingMetricsSchema.extend({
  job: z.object({ uid: z.string(), namespace: z.string(), name: z.string() }),
  /** SHA-256 of the weights, in lower-case hex (docs/protocol.md "Results"). */
  digest: z.string(),
  /** Of the last evaluation. */
  accuracy: z.number(),
  loss: z.number(),
  steps: z.number(),
  /** Trained numbers in the model. */
  parameters: z.number(),
  /** Where the student computed, for people. */
  runtime: z.string(),
});
export type ResultReport = z.infer<typeof resultReportSchema>;

/** Uid of the job that wrote a report, of any release; null when the value is no report. */
export function jobOfReport(value: unknown): string | null {
  return reportJobSchema.safeParse(value).data?.job.uid ?? null;
}
const reportJobSchema = z.object({ job: z.object({ uid: z.string() }) });
