/**
 * What workers push into the STATE bucket, as JSON. Telemetry drives scaling and status and is never the truth about
 * training: that is the checkpoint. Values are bounded and parsed before use, since a worker wrote them.
 */
import { printable } from '@distillery/base';
import { z } from 'zod';

import { requiresField, withRequires } from './messages.js';
import { namedMetricsSchema } from './metrics.js';
import { stoppedEarlySchema } from './results.js';
import { workItemSchema } from './work-item.js';

const nonNegative = z.number().min(0);
const whole = z.number().int().min(0);
/** Samples a second beyond what any hardware does; larger values would only distort sums. */
const rate = nonNegative.max(1e9);
/** Fencing numbers and counts grow by one; a larger value cannot be a count. */
const counted = whole.max(1e12);
/** What a float32 can hold. */
const loss = z.number().min(-3.4e38).max(3.4e38);
/** Text of a worker, which ends in a status, a log or on a terminal: control characters are replaced here. */
const text = (length: number): z.ZodType<string> => z.string().max(length).transform(printable);

export const studentPhases = ['Starting', 'Training', 'Evaluating', 'Exporting', 'Done'] as const;

/** Damaged frames reported at a time; further ones wait until these are deleted. */
export const maxDamagedFrames = 16;

export const maxFaultLength = 500;

/** Notes that one process reports. */
export const maxNotes = 16;
export const maxNoteLength = 500;
/** What a person should know of a process that works; absent = nothing. */
const notes = z.array(text(maxNoteLength)).max(maxNotes).optional();

/** A stored frame that the student could not read. */
const damagedFrameSchema = z.object({
  sequence: whole,
  shard: whole,
  step: counted,
  reason: text(500),
});
export type DamagedFrame = z.infer<typeof damagedFrameSchema>;

export const studentStateSchema = z.object({
  /** Fencing number: grows with every student process of the job (design §4 "Fencing"). */
  attempt: whole.max(1e9),
  pod: text(253),
  phase: z.enum(studentPhases),
  /** True between the claim of the attempt and the load of its checkpoint: the step is that of the attempt before. */
  loading: z.boolean().optional(),
  runtime: text(200),
  /** Steps finished; the next step to train. */
  step: counted,
  steps: counted,
  epoch: counted,
  /** Samples a step, so that rates and steps convert. */
  batchSize: counted,
  samplesPerSecond: rate,
  /** Rate of the compute thread alone, without waiting. */
  unstarvedSamplesPerSecond: rate,
  /** Share of the last seconds that the compute thread waited for logits. */
  waitFraction: nonNegative.max(1),
  loss: loss.nullable(),
  accuracy: nonNegative.max(1).nullable(),
  /** Agreement with the teacher over the last stretches, and the scores of the last evaluation; absent in earlier releases. */
  metrics: namedMetricsSchema.optional(),
  /** Rows of the data set that gave way to others (`dataset.onBadSample: Replace`), as far as they were met. */
  replacedRows: counted.optional(),
  buffer: z.object({ frames: counted, bytes: whole }),
  /** Steps fed ahead at most; steps fed so far. */
  window: counted,
  fedSteps: counted,
  /** Messages a step. */
  shards: counted,
  /** First LOGITS stream sequence that the oldest kept checkpoint may still need; 0 = keep all. */
  firstNeededSequence: whole,
  resumedFromStep: whole.nullable(),
  /**
   * Frames of steps still to train that could not be read: the operator deletes these sequences, so that their
   * subjects are free again, and the student feeds the steps again.
   */
  damaged: z.array(damagedFrameSchema).max(maxDamagedFrames),
  /** Step of the newest stored checkpoint: a student that starts now resumes there. Absent in earlier releases. */
  checkpointStep: counted.optional(),
  /** Why the newest checkpoint could not be stored yet; training continues without it. */
  checkpointFault: text(maxFaultLength).nullable().optional(),
  notes,
  /** Set when phase is Done. */
  result: z
    .object({
      digest: text(200),
      /** SHA-256 of the list of all result files; students of earlier releases report none. */
      filesDigest: text(200).optional(),
      accuracy: nonNegative.max(1).nullable(),
      loss: loss.nullable(),
      metrics: namedMetricsSchema.optional(),
      /** Absent when all steps of the job were trained; else `steps` is the number of those that were. */
      stoppedEarly: stoppedEarlySchema.optional(),
    })
    .nullable(),
  /** Milliseconds since 1970 by the writer's clock; readers judge age by the server's time of the message. */
  updatedAtMs: nonNegative,
});
export type StudentState = z.infer<typeof studentStateSchema>;

/** A process that reads LOGITS. The operator deletes only what no reader needs. */
export interface LogitsReader {
  /** The STATE key under which the reader reports. */
  readonly id: string;
  /** First LOGITS stream sequence that it may still read; 0 = it needs all. */
  readonly firstNeededSequence: number;
}

/** Returns a student as a reader; one without telemetry (null) may need all. */
export function logitsReaderOf(id: string, state: StudentState | null): LogitsReader {
  return { id, firstNeededSequence: state?.firstNeededSequence ?? 0 };
}

export const teacherPhases = ['Loading', 'SelfTest', 'Ready', 'Draining'] as const;

export const teacherStateSchema = z.object({
  pod: text(253),
  pool: text(63),
  phase: z.enum(teacherPhases),
  runtime: text(200),
  /** Protocol version that the teacher speaks; teachers of earlier releases do not report one. */
  protocolVersion: whole.min(1).max(255).optional(),
  /** Samples labeled per second over the last seconds. */
  samplesPerSecond: rate,
  /** Rate of inference alone: what this teacher could do if it never waited. */
  capableSamplesPerSecond: rate,
  /** Share of the last seconds spent in inference. */
  busyFraction: nonNegative.max(1),
  items: counted,
  duplicates: counted,
  failures: counted,
  /** Rows of the data set that gave way to others, as far as this teacher met them. */
  replacedRows: counted.optional(),
  /** Accuracy on the evaluation split; null where it was not measured. */
  accuracy: nonNegative.max(1).nullable(),
  notes,
  /** Milliseconds since 1970 by the writer's clock; readers judge age by the server's time of the message. */
  updatedAtMs: nonNegative,
});
export type TeacherState = z.infer<typeof teacherStateSchema>;

/** The first 8 bytes of the SHA-256 of the teacher's model files, as in a frame's header: 16 lower-case hex digits. */
const teacherDigestSchema = z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 lower-case hex digits');

/** Training samples that a reference may hold: enough to detect a wrong model, few enough for one KV value. */
const maxReferenceSamples = 64;

/** The first 8 bytes of a SHA-256: samples do not travel. */
const textDigestSchema = z.string().regex(/^[0-9a-f]{16}$/, 'expected 16 lower-case hex digits');

/** STATE key `reference`: what the first teacher answered for some unaugmented training samples (design §4 "Self-test"). */
const referenceFields = z
  .object({
    /** Features that every later teacher of the job must have. */
    requires: requiresField,
    teacherDigest: teacherDigestSchema,
    /** Identity of the teacher's data set, which the student compares with its own; absent = unknown. */
    dataIdentity: z
      .string()
      .regex(/^[0-9a-f]{32}$/, 'expected 32 lower-case hex digits')
      .optional(),
    columns: z.number().int().min(1).max(1_048_576),
    /** Indices into the training split. */
    indices: z.array(z.number().int().min(0).max(0xffff_ffff)).min(1).max(maxReferenceSamples),
    /** One row of finite logits per index. JSON numbers carry every float32 exactly. */
    logits: z.array(z.array(z.number())).min(1).max(maxReferenceSamples),
    /**
     * Of samples with texts, one per index: digests of what was read of the data set, and of what the model's tokens say.
     * Absent where the model takes no texts, and from teachers of earlier releases.
     */
    texts: z
      .array(z.object({ read: textDigestSchema, decoded: textDigestSchema }))
      .max(maxReferenceSamples)
      .optional(),
  })
  .refine(({ indices, logits }) => logits.length === indices.length, {
    path: ['logits'],
    message: 'expected one row per index',
  })
  .refine(({ indices, texts }) => texts === undefined || texts.length === indices.length, {
    path: ['texts'],
    message: 'expected one per index',
  })
  .refine(({ columns, logits }) => logits.every((row) => row.length === columns), {
    path: ['logits'],
    message: 'expected every row to have `columns` values',
  });
export const referenceSchema = withRequires(referenceFields);
export type Reference = z.infer<typeof referenceSchema>;

export const maxDeadErrorLength = 2_000;

/** A message on a DEAD subject: the work item that no teacher could do, with its last error. */
export const deadItemSchema = withRequires(
  z.object({
    /** Features that a reader of the dead item must have. */
    requires: requiresField,
    shard: whole,
    step: counted,
    /** Pod name of the teacher that gave up. */
    teacher: text(253),
    /** How often the item had been delivered, the last time included. */
    deliveries: whole,
    error: text(maxDeadErrorLength),
    /** The item; null when the message was no readable work item. */
    item: workItemSchema.nullable(),
  }),
);
export type DeadItem = z.infer<typeof deadItemSchema>;
