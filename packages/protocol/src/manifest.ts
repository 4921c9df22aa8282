/**
 * The job manifest: all that a worker knows of its job. The operator writes it (ConfigMap in a cluster, a file in a
 * local run), workers only read it. It is resolved: every default is filled in, nothing is optional without a reason.
 *
 * The writer writes the fields below and no others. A reader ignores fields that it does not know, and refuses a manifest
 * that requires a feature which it lacks (messages.ts).
 */
import { DistilleryError, type FaultOf } from '@distillery/base';
import { z } from 'zod';

import { fieldOf, ignoringUnknown, problemIn, requiresField, withRequires } from './messages.js';
import { instructionSets, runtimeNames } from './runtimes.js';

const fraction = z.number().min(0).max(1);
const positive = z.number().positive();
const count = z.number().int().positive();

const modelSchema = z.strictObject({
  format: z.enum(['onnx', 'tfjs-layers', 'tfjs-graph', 'saved-model']),
  /** file:///absolute/path or package://name/path once resolved; a student's may be preset://name. */
  uri: z.string().min(1),
  /** Longest time that a worker waits for the model to load and answer its first samples, and for one batch of it. */
  timeoutSeconds: count,
});

const teacherModelSchema = modelSchema.extend({
  /** Of a SavedModel; absent = serving_default, or the only one. */
  signature: z.string().min(1).optional(),
});

/** Names of layers; * stands for any characters. */
const layersSchema = z.array(z.string().min(1)).min(1);

const studentModelSchema = modelSchema.extend({
  /** Weights that training starts from; absent = they are drawn from the seed. */
  weights: z
    .strictObject({
      /** Of a model.json of tfjs layers, its files of weights beside it. */
      uri: z.string().min(1),
      /** Layers that start from the seed all the same. */
      except: layersSchema.optional(),
    })
    .optional(),
});

/** How a field becomes an input of a model: (x · scale − mean) / std, per channel of an image or value of a row. */
const inputFields = {
  /** How one image lies in the model's input; absent = inferred from its shape. */
  layout: z.enum(['NHWC', 'NCHW']).optional(),
  /** Pixels are in [0, 1]; absent = 1, or 255 for an input of whole numbers. */
  scale: positive.optional(),
  mean: z.array(z.number()).optional(),
  std: z.array(positive).optional(),
  /** Size to which an image is brought, bilinearly; absent = it stays as it is. */
  resize: z.strictObject({ height: count, width: count }).optional(),
};
const teacherInputSchema = z.strictObject(inputFields);

const namedInputSchema = z.strictObject({
  /** Name of the model's input. */
  name: z.string().min(1),
  /** Name of the field that feeds it; absent = inferred where there is only one way. */
  field: z.string().min(1).optional(),
  ...inputFields,
  /** What of a text's tokens it takes; absent = by the input's name. */
  tokens: z.enum(['Ids', 'Mask', 'TypeIds']).optional(),
});

const tokenizerSchema = z.strictObject({
  /** Of a tokenizer.json. */
  uri: z.string().min(1),
  /** Longer texts are cut. */
  maxTokens: count,
});

const teacherOutputSchema = z.strictObject({
  /** Name of the model's output; absent = the only one of floating-point numbers. */
  name: z.string().min(1).optional(),
  /** What its numbers are; absent = recognized (docs/models.md). */
  kind: z.enum(['Logits', 'Probabilities', 'Sigmoid', 'Embedding']).optional(),
  /** How rows of tokens become one row: their mean under the mask, or the first one. */
  pooling: z.enum(['Mean', 'First']).optional(),
  /** Whether each row is divided by its Euclidean length. */
  normalize: z.boolean().optional(),
  /** Columns that are kept, in this order; absent = all. */
  columns: z.array(z.number().int().min(0)).min(1).optional(),
});

/** Models of one ensemble, `teacher.model` included. */
const maxEnsemble = 8;

const memberSchema = z.strictObject({
  /** Unique in the ensemble; for messages. */
  name: z.string().min(1).max(40),
  weight: positive,
  model: teacherModelSchema,
  input: teacherInputSchema,
  inputs: z.array(namedInputSchema).optional(),
  tokenizer: tokenizerSchema.optional(),
  output: teacherOutputSchema.optional(),
});

const augmentSchema = z.strictObject({
  /** Largest shift in pixels along each axis, drawn uniformly from −shift … shift; vacated pixels are 0. */
  shift: z.number().int().min(0).max(64),
  /** Standard deviation of additive pixel noise, in units of the [0, 1] pixel range. */
  noise: fraction,
  /** Whether samples are mirrored from left to right, each with probability one half; absent = false. */
  flip: z.boolean().optional(),
});
export type Augment = z.infer<typeof augmentSchema>;

/** Named as in Keras's EarlyStopping. */
const earlyStopSchema = z.strictObject({
  /** Score of the evaluation split, or agreement with the teachers on the held-out samples that they answer. */
  metric: z.enum([
    'loss',
    'accuracy',
    'top5Accuracy',
    'microF1',
    'meanAbsoluteError',
    'heldOutAgreement',
    'heldOutTopKOverlap',
    'heldOutKlDivergence',
  ]),
  /** Evaluations without improvement after which training ends. */
  patience: count,
  /** A change of at most this is no improvement. */
  minDelta: z.number().min(0),
  /** Only a score better than this is an improvement; absent = none. */
  baseline: z.number().optional(),
  /** Whether the weights of the best evaluation are exported. */
  restoreBestWeights: z.boolean(),
});
export type EarlyStop = z.infer<typeof earlyStopSchema>;

const storeSchema = z.enum(['nats', 'file', 's3']);
/** Of the store `s3`: s3://BUCKET[/PATH]. */
const bucketSchema = z.string().min(1).optional();
/** Of the store `file`: where the files go; absent = below the worker's own folder (DISTILL_FOLDER). */
const folderSchema = z.string().startsWith('/', 'must be an absolute path').optional();

/** Formats of data sets: the one list, which readers and validation follow. */
export const datasetFormats = ['idx', 'npy', 'csv', 'jsonl', 'parquet', 'imageFolder', 'webdataset', 'files'] as const;
export const datasetDeliveries = ['Reference'] as const;
export const trainingOrders = ['Strict'] as const;

const name = z.string().min(1);
const field = { name, columns: z.array(name).min(1) };
const classFields = {
  ...field,
  /** In the order of the classes; absent = as the data has them: numbers from `firstClass`, or names sorted by bytes. */
  classes: z.array(name).min(1).optional(),
  /** The number in the data of the first class. */
  firstClass: z.union([z.literal(0), z.literal(1)]),
};

/** What a column of a data set is to a sample: an input, or the target. */
const fieldSchema = z.discriminatedUnion('type', [
  z.strictObject({
    ...field,
    type: z.literal('image'),
    /** Pixels after resizing; absent = all images have the size of the first. */
    size: z.strictObject({ height: count, width: count }).optional(),
    channels: z.union([z.literal(1), z.literal(3)]).optional(),
  }),
  z.strictObject({
    ...field,
    type: z.literal('tensor'),
    shape: z.array(count).optional(),
    dtype: z.enum(['Float32', 'Int32']),
  }),
  z.strictObject({ ...field, type: z.literal('text') }),
  z.strictObject({
    ...field,
    type: z.literal('bytes'),
    head: z.number().int().min(0),
    tail: z.number().int().min(0),
    padding: z.number().int().min(0),
    strip: z.boolean(),
  }),
  z.strictObject({ ...classFields, type: z.literal('class') }),
  z.strictObject({ ...classFields, type: z.literal('classes'), separator: z.string().min(1) }),
  z.strictObject({ ...field, type: z.literal('target') }),
]);
export type DatasetField = z.infer<typeof fieldSchema>;

/** For the writer: an unknown field is a fault of the program, and is refused. */
export const writtenManifestSchema = z.strictObject({
  version: z.literal(1),
  /** Features that every worker of the job must have; absent = none. */
  requires: requiresField,
  job: z.strictObject({ uid: z.string().min(1), namespace: z.string().min(1), name: z.string().min(1) }),
  dataset: z.strictObject({
    format: z.enum(datasetFormats),
    uri: z.string().min(1),
    delivery: z.enum(datasetDeliveries),
    /** Absent = the natural fields of the format. */
    fields: z.array(fieldSchema).min(1).optional(),
    /** Absent = as the data set is divided already, else nothing is held out. Paths are below the uri. */
    split: z
      .union([z.strictObject({ train: name, test: name }), z.strictObject({ testFraction: z.number().gt(0).max(0.9) })])
      .optional(),
    /** Absent = Fail. */
    onBadSample: z.literal('Replace').optional(),
  }),
  training: z.strictObject({
    batchSize: count,
    epochs: count,
    seed: z.number().int().min(0),
    order: z.enum(trainingOrders),
    /** Absent = Rows. */
    shuffle: z.literal('Blocks').optional(),
    augment: augmentSchema,
    /** Absent = all epochs are trained. */
    earlyStop: earlyStopSchema.optional(),
  }),
  teacher: z.strictObject({
    model: teacherModelSchema,
    input: teacherInputSchema,
    /** Of the model's inputs by name; absent = none is named. */
    inputs: z.array(namedInputSchema).optional(),
    tokenizer: tokenizerSchema.optional(),
    output: teacherOutputSchema.optional(),
    /** Further models whose answers are averaged with those of `model` (docs/adr/0045-ensembles-and-texts.md); absent = none. */
    ensemble: z
      .strictObject({
        /** Of `model`. Weights are relative: their sum counts as 1. */
        weight: positive,
        members: z
          .array(memberSchema)
          .min(1)
          .max(maxEnsemble - 1),
      })
      .optional(),
    bufferTargetSeconds: positive,
    /** Largest difference of a logit from the reference answers that still joins. */
    tolerance: positive,
    /** What becomes of a step that no teacher could do: the job fails, or the step is trained on labels alone. */
    onFailure: z.enum(['Fail', 'Skip']),
  }),
  logits: z.strictObject({
    encoding: z.enum(['Float32', 'Float16']),
    /** 0 = dense; otherwise this many largest logits a row and the remaining mass. */
    topK: z.number().int().min(0),
    /** Upper bound of the LOGITS stream in bytes; the student's window stays under half of it. */
    maxBytes: count,
  }),
  student: z.strictObject({
    model: studentModelSchema,
    inputs: z.array(namedInputSchema).optional(),
    tokenizer: tokenizerSchema.optional(),
    /** What computes the student; absent = the first runtime that its machine has. */
    runtime: z
      .strictObject({
        name: z.enum(runtimeNames).optional(),
        /** Absent = 1. */
        threads: count.max(256).optional(),
        /** Absent = the newest of the processor (ADR 70). */
        instructionSet: z.enum(instructionSets).optional(),
      })
      .optional(),
    /** Layers that keep their weights; absent = those that the model's file freezes. */
    freeze: layersSchema.optional(),
    loss: z.strictObject({
      /** Of the soft part; absent = by `teacher.output.kind` where it is set, else KL. */
      kind: z.enum(['KL', 'MSE', 'Cosine', 'BinaryCrossEntropy']).optional(),
      temperature: positive,
      softWeight: fraction,
      /** Share of a class label that goes to all classes alike; absent = 0. */
      labelSmoothing: fraction.optional(),
    }),
    optimizer: z.strictObject({
      name: z.enum(['sgd', 'adam', 'adamw']),
      learningRate: positive,
      momentum: z.number().min(0).max(0.9999),
      beta1: z.number().min(0).max(0.9999),
      beta2: z.number().min(0).max(0.99999),
      epsilon: positive,
      weightDecay: z.number().min(0),
      schedule: z.strictObject({
        name: z.enum([
          'Constant',
          'Cosine',
          'ExponentialDecay',
          'InverseTimeDecay',
          'PolynomialDecay',
          'PiecewiseConstantDecay',
        ]),
        warmupSteps: z.number().int().min(0),
        /** Learning rate of the last step ÷ learningRate. */
        finalFraction: fraction,
        /** Of the decays: steps of one period; absent = the steps after the warm-up. */
        decaySteps: count.optional(),
        decayRate: positive.optional(),
        /** Whether the number of periods is rounded down. */
        staircase: z.boolean().optional(),
        /** Of PolynomialDecay; absent = 1. */
        power: positive.optional(),
        /** Of PiecewiseConstantDecay: steps since the warm-up after which the next fraction of learningRate begins. */
        boundaries: z.array(count).optional(),
        fractions: z.array(fraction).optional(),
      }),
      /** Largest global norm of the gradients; absent = they are not clipped. */
      clipNorm: positive.optional(),
      /** Decay of the average of weights that is evaluated and exported; absent = the weights themselves are. */
      ema: z.number().min(0).max(0.999999).optional(),
    }),
    checkpoint: z.strictObject({
      everySteps: count,
      keep: count,
      store: storeSchema,
      folder: folderSchema,
      uri: bucketSchema,
    }),
    evaluation: z.strictObject({
      everyEpochs: count,
      /** Held-out samples that teachers answer, too, for agreement on them; absent = 0, as in earlier releases. */
      teacherSamples: z.number().int().min(0).optional(),
    }),
    output: z.strictObject({ store: storeSchema, folder: folderSchema, uri: bucketSchema }),
  }),
});
export type Manifest = z.infer<typeof writtenManifestSchema>;

/** For readers. */
export const manifestSchema = withRequires(ignoringUnknown(writtenManifestSchema));

const remedy = "use workers of the operator's version, which writes it";

/** A manifest that is not what this worker's protocol version expects. */
export class ManifestError extends DistilleryError {
  override readonly name = 'ManifestError';
  readonly kind = 'Manifest';
  readonly retry = 'Never';

  constructor(
    /** Path of the first wrong field, `(root)` when the text is no JSON object. */
    readonly field: string,
    fault: FaultOf,
    options?: ErrorOptions,
  ) {
    super({ ...fault, about: 'job manifest' }, options);
  }
}

/** @throws ManifestError naming the first field that is wrong. */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ManifestError(
      '(root)',
      { found: `${String(text.length)} characters that are no JSON`, expected: 'an object', remedy },
      {
        cause: error,
      },
    );
  }
  const parsed = manifestSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ManifestError(fieldOf(parsed.error), { problem: problemIn(parsed.error), remedy });
}

/** True when the student never asks a teacher: labels alone carry the loss. */
export function needsNoTeacher(manifest: Manifest): boolean {
  return manifest.student.loss.softWeight === 0;
}
