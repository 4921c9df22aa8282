/**
 * Compares an implementation of protocol v1 with the test vectors: what a worker of another code base must read, write and
 * compute alike. Pure: the caller reads the files of `vectors/` and calls its own implementation.
 *
 * Invariants:
 *  conformance/C1 A part without an answer is reported as unchecked, never as passed.
 *  conformance/C2 Numbers are compared bit for bit: two nearly equal logits are two different frames.
 */
import { jsonEqual } from '@distillery/base';
import { z } from 'zod';

type Answer<T> = T | Promise<T>;

/** A file of `vectors/` by its name, such as `frames.json`. */
export interface VectorFiles {
  readonly json: (name: string) => unknown;
  readonly bytes: (name: string) => Uint8Array;
}

/** Fields of a frame's header, as `frames.json` names them. */
export type ConformanceHeader = z.infer<typeof headerSchema>;

/** What an implementation answers; leave out a part that it does not have. */
export interface Implementation {
  /** Header and logits of a sound frame, or the kind of the error for a broken one. */
  readonly readFrame?: (
    frame: Uint8Array,
  ) => Answer<{ readonly header: ConformanceHeader; readonly logits: Float32Array } | { readonly error: string }>;
  readonly writeFrame?: (header: ConformanceHeader, logits: Float32Array) => Answer<Uint8Array>;
  /** The work item, or the path of the first field that is wrong. */
  readonly readWorkItem?: (text: string) => Answer<{ readonly item: unknown } | { readonly field: string }>;
  /** Order of the samples in an epoch. */
  readonly permutation?: (seed: number, epoch: number, samples: number) => Answer<ArrayLike<number>>;
  /** Order of the samples in an epoch of a job whose `training.shuffle` is Blocks. */
  readonly blockOrder?: (seed: number, epoch: number, samples: number, blockRows: number) => Answer<ArrayLike<number>>;
  readonly batch?: (
    job: { readonly seed: number; readonly samples: number; readonly batchSize: number; readonly epochs: number },
    step: number,
  ) => Answer<{ readonly epoch: number; readonly augmentSeed: number; readonly indices: ArrayLike<number> }>;
  /** Rows of one shard of a step: the first, and the one after the last. */
  readonly shard?: (
    rows: number,
    shards: number,
    shard: number,
  ) => Answer<{ readonly start: number; readonly end: number }>;
  /** The samples after augmentation; `samples` is a copy and may be changed in place. */
  readonly augmentImage?: (samples: Float32Array, augmentation: ImageAugmentation) => Answer<Float32Array>;
  /** Names of features that a message requires and a reader with the features `has` lacks, in the order of the message. */
  readonly missingFeatures?: (text: string, has: readonly string[]) => Answer<readonly string[]>;
}
/** A case of `augment.json`: height, width and channels of a sample, the settings, and where the samples are in the step. */
export type ImageAugmentation = z.infer<typeof augmentationSchema>;
export type ConformancePart = keyof Implementation;

export interface ConformanceFailure {
  readonly part: ConformancePart;
  /** Which vector: its name in the file, or its input. */
  readonly vector: string;
  readonly found: string;
  readonly expected: string;
}

export interface ConformanceReport {
  /** Vectors that were answered as expected. */
  readonly passed: number;
  readonly failures: readonly ConformanceFailure[];
  /** conformance/C1. */
  readonly unchecked: readonly ConformancePart[];
}

/**
 * Asks the implementation for every vector of the parts that it has.
 * @throws ZodError when a file of vectors has another form: it belongs to another version of this package
 */
export async function conformance(implementation: Implementation, files: VectorFiles): Promise<ConformanceReport> {
  const failures: ConformanceFailure[] = [];
  let passed = 0;
  for (const { part, vector, answer, expected } of questions(implementation, files)) {
    const found = await foundBy(answer);
    if (jsonEqual(found, expected)) passed += 1;
    else failures.push({ part, vector, found: shown(found), expected: shown(expected) });
  }
  return { passed, failures, unchecked: parts.filter((part) => implementation[part] === undefined) };
}

const parts: readonly ConformancePart[] = [
  'readFrame',
  'writeFrame',
  'readWorkItem',
  'permutation',
  'blockOrder',
  'batch',
  'shard',
  'augmentImage',
  'missingFeatures',
];

interface Question {
  readonly part: ConformancePart;
  readonly vector: string;
  /** As JSON: bytes and floats as hexadecimal text. */
  readonly answer: () => Answer<unknown>;
  readonly expected: unknown;
}

function* questions(implementation: Implementation, files: VectorFiles): Generator<Question> {
  const { readFrame, writeFrame, readWorkItem, permutation, blockOrder, batch, shard } = implementation;
  const frames = framesSchema.parse(files.json('frames.json'));
  for (const { name, file, encoded, decoded, ...rest } of frames.sound) {
    const header = headerSchema.parse(rest);
    if (readFrame !== undefined) {
      const expected = { header, logits: hex(files.bytes(decoded)) };
      const answer = async (): Promise<unknown> => plainFrame(await readFrame(files.bytes(file)));
      yield { part: 'readFrame', vector: name, answer, expected };
    }
    if (writeFrame !== undefined) {
      const answer = async (): Promise<string> => hex(await writeFrame(header, floats(files.bytes(encoded))));
      yield { part: 'writeFrame', vector: name, answer, expected: hex(files.bytes(file)) };
    }
  }
  if (readFrame !== undefined) {
    for (const { name, file, error } of frames.broken) {
      const answer = async (): Promise<unknown> => plainFrame(await readFrame(files.bytes(file)));
      yield { part: 'readFrame', vector: name, answer, expected: { error } };
    }
  }
  if (readWorkItem !== undefined) {
    const { sound, broken } = itemsSchema.parse(files.json('work-items.json'));
    for (const { text, ...expected } of [...sound, ...broken]) {
      yield { part: 'readWorkItem', vector: text, answer: () => readWorkItem(text), expected };
    }
  }
  const plan = planSchema.parse(files.json('schedule.json'));
  if (permutation !== undefined) {
    for (const { seed, epoch, samples, permutation: expected } of plan.permutations) {
      const vector = `seed ${String(seed)}, epoch ${String(epoch)}, ${String(samples)} samples`;
      const answer = async (): Promise<number[]> => Array.from(await permutation(seed, epoch, samples));
      yield { part: 'permutation', vector, answer, expected };
    }
  }
  if (blockOrder !== undefined) {
    for (const { seed, epoch, samples, blockRows, order: expected } of plan.blockOrders) {
      const vector = `seed ${String(seed)}, epoch ${String(epoch)}, ${String(samples)} samples in blocks of ${String(blockRows)}`;
      const answer = async (): Promise<number[]> => Array.from(await blockOrder(seed, epoch, samples, blockRows));
      yield { part: 'blockOrder', vector, answer, expected };
    }
  }
  if (batch !== undefined) {
    for (const { batches, ...job } of plan.schedules) {
      for (const { step, ...expected } of batches) {
        const answer = async (): Promise<unknown> => {
          const { epoch, augmentSeed, indices } = await batch(job, step);
          return { epoch, augmentSeed, indices: Array.from(indices) };
        };
        yield { part: 'batch', vector: `seed ${String(job.seed)}, step ${String(step)}`, answer, expected };
      }
    }
  }
  if (shard !== undefined) {
    for (const { rows, shards, ranges } of plan.shards) {
      for (const [index, expected] of ranges.entries()) {
        const vector = `${String(rows)} rows, shard ${String(index)} of ${String(shards)}`;
        yield { part: 'shard', vector, answer: () => shard(rows, shards, index), expected };
      }
    }
  }
  yield* otherQuestions(implementation, files);
}

/** Vectors of what is not a frame, an item or a plan. */
function* otherQuestions(implementation: Implementation, files: VectorFiles): Generator<Question> {
  const { augmentImage, missingFeatures } = implementation;
  if (augmentImage !== undefined) {
    for (const { name, input, output, ...augmentation } of augmentSchema.parse(files.json('augment.json'))) {
      const answer = async (): Promise<string> =>
        hex(bytesOf(await augmentImage(floats(files.bytes(input)), augmentation)));
      yield { part: 'augmentImage', vector: name, answer, expected: hex(files.bytes(output)) };
    }
  }
  if (missingFeatures !== undefined) {
    for (const { text, has, missing } of requiresSchema.parse(files.json('requires.json'))) {
      yield { part: 'missingFeatures', vector: text, answer: () => missingFeatures(text, has), expected: missing };
    }
  }
}

/** An implementation that throws fails this vector and is asked for the next one. */
async function foundBy(answer: () => Answer<unknown>): Promise<unknown> {
  try {
    return await answer();
  } catch (error) {
    return { thrown: error instanceof Error ? error.message : String(error) };
  }
}

function plainFrame(
  found: { readonly header: ConformanceHeader; readonly logits: Float32Array } | { readonly error: string },
): unknown {
  if ('error' in found) return { error: found.error };
  return { header: headerSchema.parse(found.header), logits: hex(bytesOf(found.logits)) };
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** A copy: the bytes of a file need not begin at a multiple of four. */
function floats(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.slice().buffer);
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

const longestShown = 200;

function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= longestShown ? text : `${text.slice(0, longestShown - 1)}…`;
}

const headerSchema = z.object({
  step: z.number(),
  shard: z.number(),
  teacherDigest: z.string(),
  augmentSeed: z.number(),
  rows: z.number(),
  columns: z.number(),
  encoding: z.enum(['Float32', 'Float16']),
  topK: z.number(),
  temperature: z.number(),
});
const framesSchema = z.object({
  sound: z.array(z.looseObject({ name: z.string(), file: z.string(), encoded: z.string(), decoded: z.string() })),
  broken: z.array(z.object({ name: z.string(), file: z.string(), error: z.string() })),
});
const itemsSchema = z.object({
  sound: z.array(z.object({ text: z.string(), item: z.unknown() })),
  broken: z.array(z.object({ text: z.string(), field: z.string() })),
});
const augmentationSchema = z.object({
  shape: z.tuple([z.number(), z.number(), z.number()]),
  shift: z.number(),
  noise: z.number(),
  /** Absent = false. */
  flip: z.boolean().optional(),
  seed: z.number(),
  firstSample: z.number(),
});
const augmentSchema = z.array(augmentationSchema.extend({ name: z.string(), input: z.string(), output: z.string() }));
const requiresSchema = z.array(z.object({ text: z.string(), has: z.array(z.string()), missing: z.array(z.string()) }));
const planSchema = z.object({
  permutations: z.array(
    z.object({ seed: z.number(), epoch: z.number(), samples: z.number(), permutation: z.array(z.number()) }),
  ),
  blockOrders: z.array(
    z.object({
      seed: z.number(),
      epoch: z.number(),
      samples: z.number(),
      blockRows: z.number(),
      order: z.array(z.number()),
    }),
  ),
  schedules: z.array(
    z.object({
      seed: z.number(),
      samples: z.number(),
      batchSize: z.number(),
      epochs: z.number(),
      batches: z.array(
        z.object({ step: z.number(), epoch: z.number(), augmentSeed: z.number(), indices: z.array(z.number()) }),
      ),
    }),
  ),
  shards: z.array(
    z.object({
      rows: z.number(),
      shards: z.number(),
      ranges: z.array(z.object({ start: z.number(), end: z.number() })),
    }),
  ),
});
