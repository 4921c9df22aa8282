/** Metrics by name: how students, the status and the result carry what a job measured. Bounded, since a worker wrote it. */
import { z } from 'zod';

/** Most metrics of one message. */
export const maxMetrics = 16;

/** Names are words in camel case, such as `klDivergence`. */
export const metricNamePattern = /^[a-z][A-Za-z0-9]{0,62}$/;

/** What a float32 can hold. */
const value = z.number().min(-3.4e38).max(3.4e38);

export const namedMetricsSchema = z
  .record(z.string().regex(metricNamePattern, 'expected a name such as klDivergence'), value)
  .refine((metrics) => Object.keys(metrics).length <= maxMetrics, `expected at most ${String(maxMetrics)} metrics`);
export type NamedMetrics = Readonly<z.infer<typeof namedMetricsSchema>>;
