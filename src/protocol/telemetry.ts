/**
 * What workers push into the STATE bucket, as JSON. Telemetry drives scaling and status and is never the truth about
 * training: that is the checkpoint. Values are bounded and parsed before use, since a worker wrote them.
 */
import { z } from 'zod';

const nonNegative = z.number().min(0);
const whole = z.number().int().min(0);

export const studentPhases = ['Starting', 'Training', 'Evaluating', 'Exporting', 'Done'] as const;

export const studentStateSchema = z.object({
  /** Fencing number: grows with every student process of the job (DESIGN §4 "Fencing"). */
  attempt: whole,
  pod: z.string().max(253),
  phase: z.enum(studentPhases),
  runtime: z.string().max(200),
  /** Steps finished; the next step to train. */
  step: whole,
  steps: whole,
  epoch: whole,
  /** Samples a step, so that rates and steps convert. */
  batchSize: whole,
  samplesPerSecond: nonNegative,
  /** Rate of the compute thread alone, waiting left out. */
  unstarvedSamplesPerSecond: nonNegative,
  /** Share of the last seconds that the compute thread waited for logits. */
  waitFraction: nonNegative.max(1),
  loss: z.number().nullable(),
  accuracy: nonNegative.max(1).nullable(),
  buffer: z.object({ frames: whole, bytes: whole }),
  /** Steps fed ahead at most; steps fed so far. */
  window: whole,
  fedSteps: whole,
  /** Messages a step. */
  shards: whole,
  /** First LOGITS stream sequence that the oldest kept checkpoint may still need; 0 = keep all. */
  firstNeededSequence: whole,
  resumedFromStep: whole.nullable(),
  /** Set when phase is Done. */
  result: z
    .object({ digest: z.string().max(200), accuracy: nonNegative.max(1).nullable(), loss: z.number().nullable() })
    .nullable(),
  /** Accuracy of the teacher on the evaluation split, when a teacher was asked. */
  updatedAtMs: nonNegative,
});
export type StudentState = z.infer<typeof studentStateSchema>;

export const teacherPhases = ['Loading', 'SelfTest', 'Ready', 'Draining'] as const;

export const teacherStateSchema = z.object({
  pod: z.string().max(253),
  pool: z.string().max(63),
  phase: z.enum(teacherPhases),
  runtime: z.string().max(200),
  /** Rows labelled a second over the last seconds. */
  samplesPerSecond: nonNegative,
  /** Rate of inference alone: what this teacher could do if it never waited. */
  capableSamplesPerSecond: nonNegative,
  /** Share of the last seconds spent in inference. */
  busyFraction: nonNegative.max(1),
  items: whole,
  duplicates: whole,
  failures: whole,
  /** Accuracy on the evaluation split; null where nobody measured it. */
  accuracy: nonNegative.max(1).nullable(),
  updatedAtMs: nonNegative,
});
export type TeacherState = z.infer<typeof teacherStateSchema>;
