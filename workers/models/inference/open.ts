/** Opens a teacher's model of any format and makes sure, before the first work item, that it fits the data. */
import { createHash } from 'node:crypto';

import { librarySentence } from '../../base/index.js';
import { type Samples, samplesBetween, type SampleSpec, sizeOf } from '../../samples/index.js';
import { type Feed, type InputSource, type ModelInputs, openInputs, shapeText } from '../../inputs/index.js';
import { answerOf, type AnswerSource, outputOf } from './answer.js';
import { LogitsError, ModelError } from './errors.js';
import type { ModelSession, SessionOutput, Inference, ModelFile, ModelFormat, OutputSettings } from './inference.js';
import { maxModelBytes, modelFileAt, readModelFile } from './model-file.js';
import { madeUpSamples } from './probe.js';
import { seenTexts } from './texts.js';

/** One model of a teacher, with all that decides its answers. */
export interface ModelSource {
  readonly format: ModelFormat;
  /** The ONNX file, model.json, or a SavedModel's folder or saved_model.pb. */
  readonly path: string;
  /** Of a SavedModel; absent = serving_default, or the only one. */
  readonly signature?: string;
  /** Of the only input. */
  readonly input: NonNullable<InputSource['settings']['only']>;
  /** Of inputs by name; absent = none. */
  readonly inputSettings?: InputSource['settings']['named'];
  readonly output?: OutputSettings;
  /** Absent = the model takes no texts. */
  readonly tokenizer?: NonNullable<InputSource['tokenizer']>;
}

export interface InferenceSource extends ModelSource {
  /** Of the data set's samples. */
  readonly inputs: SampleSpec['inputs'];
  /** Identity of the data set: a teacher that reads other samples has another digest. Absent = none was opened. */
  readonly dataIdentity?: string;
  /** CPU threads for one batch. */
  readonly threads: number;
  /** Where the model's settings stand in the job, for messages; absent = "teacher". */
  readonly setting?: string;
  /** Whether it is a model of an ensemble; absent = it is alone. */
  readonly isMember?: boolean;
}

/** Of a teacher's digest, as a frame's header holds it. */
export const digestBytes = 8;
const hashedBytes = 2 ** 28;
const probedRows = 2;

/**
 * @param openSession the runtime's
 * @throws ModelError when the model cannot be read or does not answer logits; InputError when it does not fit the samples
 */
export async function openInference(
  source: InferenceSource,
  openSession: (file: ModelFile) => Promise<ModelSession>,
): Promise<Inference> {
  const { format, threads, output: settings = {}, setting = 'teacher', isMember = false, signature } = source;
  const path = await modelFileAt(format, source.path);
  const where = { path, setting };
  const bytes = await readModelFile(path, maxModelBytes[format]);
  const hash = createHash('sha256');
  const note = (part: Uint8Array): void => {
    // A hash takes less than 2 GiB at once.
    for (let at = 0; at < part.length; at += hashedBytes) hash.update(part.subarray(at, at + hashedBytes));
  };
  note(bytes);
  const session = await openSession({
    format,
    path,
    bytes,
    threads,
    isMember,
    note,
    ...(signature === undefined ? {} : { signature }),
  });
  try {
    const inputs = await openInputs(inputSourceOf(source, session));
    for (const part of [...settingParts(source), ...inputs.identity]) hash.update(part);
    const digest = Uint8Array.from(hash.digest().subarray(0, digestBytes));
    const output = outputOf(where, session.outputs, settings);
    const run = (feeds: readonly Feed[]): Promise<SessionOutput> => session.run(feeds, output.name);
    const rows = inputs.batch ?? probedRows;
    const answer = answerOf(where, output, settings, await probe(run, where, inputs, source.inputs), rows);
    const { columns } = answer;
    const atOnce = samplesAtOnce(session, source.inputs);
    return {
      columns,
      digest,
      digestHex: Buffer.from(digest).toString('hex'),
      description: shortened(`${format} by ${session.description}, ${inputs.description} → [N, ${String(columns)}]`),
      notes: [...inputs.notes, ...answer.notes],
      kind: answer.kind,
      members: [],
      infer: async (samples) => {
        const logits = new Float32Array(samples.count * columns);
        const most = inputs.batch ?? Math.min(samples.count, atOnce);
        for (let start = 0; start < samples.count; start += most) {
          const end = Math.min(start + most, samples.count);
          const size = inputs.batch ?? end - start;
          const part = size === samples.count ? samples : samplesBetween(samples, start, end);
          const feeds = inputs.feeds(part).map((feed) => padded(feed, size));
          const mask = inputs.maskAt === null ? null : (feeds[inputs.maskAt] ?? null);
          const found = answer.logitsOf(await run(feeds), size, mask);
          checkFinite(found, columns, start, end - start);
          logits.set(found.subarray(0, (end - start) * columns), start * columns);
        }
        return logits;
      },
      textsOf: (samples) => (inputs.tokenizer === null ? null : seenTexts(samples, inputs.readBack(samples))),
      close: () => session.close(),
    };
  } catch (error) {
    await session.close();
    throw error;
  }
}

const leastAtOnce = 16;

/** By the model and the data alone, so that a batch gives the same bits each time. */
function samplesAtOnce({ numbersAtOnce }: ModelSession, inputs: SampleSpec['inputs']): number {
  if (numbersAtOnce === undefined) return Infinity;
  const numbers = Object.values(inputs).reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  return Math.max(leastAtOnce, 2 ** Math.floor(Math.log2(numbersAtOnce / Math.max(1, numbers))));
}

/** Longest description: telemetry takes no longer one. */
const maxDescription = 200;

export function shortened(text: string): string {
  return text.length <= maxDescription ? text : `${text.slice(0, maxDescription - 1)}…`;
}

function inputSourceOf(
  { path, input, inputSettings, tokenizer, inputs, setting = 'teacher' }: InferenceSource,
  session: ModelSession,
): InputSource {
  return {
    about: `model ${path}`,
    inputs: session.inputs,
    fields: inputs,
    settings: { side: 'teacher', path: setting, named: inputSettings ?? [], only: input },
    tokenizer: tokenizer ?? null,
  };
}

/** Settings that change answers. A job with none of the newer ones keeps the digest of former releases. */
function settingParts({ input, inputSettings, output, signature, dataIdentity }: InferenceSource): string[] {
  const { layout, mean, std, ...others } = input;
  const newer = { ...others, inputs: inputSettings, output, signature };
  const isNewer = Object.values(newer).some((value) => value !== undefined);
  return [
    JSON.stringify([layout ?? null, mean ?? null, std ?? null]),
    ...(isNewer ? [JSON.stringify(newer)] : []),
    ...(dataIdentity === undefined ? [] : [dataIdentity]),
  ];
}

/** A batch of the size that the model wants: its last row is repeated, and the answers to that are cut off. */
function padded({ dtype, shape, data }: Feed, rows: number): Feed {
  const [found = 0, ...rest] = shape;
  if (found === rows || found === 0) return { dtype, shape, data };
  const size = data.length / found;
  const filled = new (data.constructor as new (length: number) => Feed['data'])(rows * size);
  filled.set(data as never);
  for (let row = found; row < rows; row++) filled.copyWithin(row * size, (found - 1) * size, found * size);
  return { dtype, shape: [rows, ...rest], data: filled };
}

/** Runs made-up samples, so that a model that cannot take them never joins. */
async function probe(
  run: (feeds: readonly Feed[]) => Promise<SessionOutput>,
  { path, setting }: AnswerSource,
  inputs: ModelInputs,
  fields: SampleSpec['inputs'],
): Promise<SessionOutput> {
  const samples: Samples = madeUpSamples(fields, inputs.batch ?? probedRows);
  const feeds = inputs.feeds(samples);
  try {
    return await run(feeds);
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw new ModelError(
      {
        path,
        found: `a model that fails on a batch of shape ${feeds.map(({ shape }) => shapeText(shape)).join(', ')} (${librarySentence(cause)})`,
        expected: 'logits',
        remedy: `use a model made for this data set, or correct ${setting}.input.layout`,
      },
      { cause },
    );
  }
}

/** @param first row of the whole batch that the logits begin at @param rows that count */
function checkFinite(logits: Float32Array, columns: number, first: number, rows: number): void {
  const at = logits.subarray(0, rows * columns).findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new LogitsError({ row: first + Math.floor(at / columns), column: at % columns, value: String(logits[at]) });
}
