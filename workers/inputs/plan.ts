/**
 * From samples to what a model takes (design §8, stage "inputs"): one plan for each input, decided when the model is
 * opened. Teachers and students use the same plans. A plan is a pure function of samples and settings: the same samples
 * give the same bits in every process.
 */
import { type Samples, type SampleSpec, sizeOf } from '../samples/index.js';
import { InputError } from './errors.js';
import { planImages } from './image-plan.js';
import { type InputSettings, type Match, matchInputs } from './match.js';
import { type Feed, type ModelInput, modelInputsText } from './model-input.js';
import { type ReadBack, readBack } from './read-back.js';
import { planTensor } from './tensor-plan.js';
import { planTokens, roleOf } from './token-plan.js';
import { openTokenizer, type Tokenizer, type Tokens } from './tokenizer.js';

export interface InputSource {
  /** The model, for messages: "model /path". */
  readonly about: string;
  readonly inputs: readonly ModelInput[];
  /** Of the data set's samples. */
  readonly fields: SampleSpec['inputs'];
  readonly settings: InputSettings;
  /** null = the model takes no texts. */
  readonly tokenizer: { readonly path: string; readonly maxTokens: number } | null;
}

export interface ModelInputs {
  /** Number of samples that the model takes at once; null = any. */
  readonly batch: number | null;
  /** For people: "[N, 1, 28, 28] NCHW". */
  readonly description: string;
  /** Likely mistakes, in sentences. */
  readonly notes: readonly string[];
  /** What decides the tokens: bytes and texts for the digest of the model. Empty without a tokenizer. */
  readonly identity: readonly (Uint8Array | string)[];
  /** null = the model takes no texts. */
  readonly tokenizer: Tokenizer | null;
  /** Which input is the mask of the tokens; null = none is. */
  readonly maskAt: number | null;
  /** @returns one for each input, in the model's order @throws InputError for values that an input cannot hold */
  feeds(samples: Samples): readonly Feed[];
  /** @returns of each sample, what its tokens say of each text that the model takes */
  readBack(samples: Samples): readonly (readonly ReadBack[])[];
}

/** One input's share of a batch. */
interface Plan {
  readonly description: string;
  readonly notes: readonly string[];
  feed(samples: Samples, tokens: ReadonlyMap<string, readonly Tokens[]>): Feed;
}

/** @throws InputError when the samples do not fit the model; what `openTokenizer` throws */
export async function openInputs(source: InputSource): Promise<ModelInputs> {
  const { about, inputs, fields, settings } = source;
  const batch = batchOf(about, inputs);
  const matches = matchInputs(about, inputs, fields, settings);
  const tokenizer = await tokenizerFor(source, matches);
  const vocabularyNotes = tokenizer === null ? [] : checkVocabulary(source, matches, tokenizer);
  const plans = matches.map((match) => planOf(source, match, tokenizer));
  const texts = [...new Set(matches.map(({ field }) => field))].filter((field) => fields[field]?.dtype === 'text');
  const maskAt = matches.findIndex(({ input, setting }) => (setting.tokens ?? roleOf(input.name)) === 'Mask');
  const names = plans.map(({ description }, at) =>
    plans.length === 1 ? description : `${inputs[at]?.name ?? ''} ${description}`,
  );
  return {
    batch,
    description: names.join(', '),
    notes: [...vocabularyNotes, ...plans.flatMap(({ notes }) => notes)],
    identity: tokenizer?.identity ?? [],
    tokenizer,
    maskAt: maskAt < 0 ? null : maskAt,
    feeds: (samples) => {
      const tokens = new Map(texts.map((field) => [field, tokensOf(samples, field, tokenizer)]));
      return plans.map((plan) => plan.feed(samples, tokens));
    },
    readBack: (samples) =>
      Array.from({ length: samples.count }, (_, row) =>
        texts.flatMap((field) => {
          const text = samples.inputs[field]?.data[row];
          if (tokenizer === null || typeof text !== 'string') return [];
          return [readBack(text, tokenizer.encode(text), tokenizer)];
        }),
      ),
  };
}

/** @throws InputError when the inputs disagree */
function batchOf(about: string, inputs: readonly ModelInput[]): number | null {
  const sizes = new Set(inputs.map(({ shape }) => shape[0] ?? null));
  const [size = null, another] = [...sizes];
  if (another === undefined && size !== 0) return size;
  throw new InputError({
    about,
    found: `inputs ${modelInputsText(inputs)}`,
    expected: 'one first axis, that of the samples',
    remedy: 'export the model with the samples along the first axis of every input',
  });
}

async function tokenizerFor(
  { about, fields, tokenizer, settings: { side, path = side } }: InputSource,
  matches: readonly Match[],
): Promise<Tokenizer | null> {
  const isText = ({ field }: Match): boolean => fields[field]?.dtype === 'text';
  const lengths = matches.filter(isText).flatMap(({ input: { shape } }) => shape[1] ?? []);
  if (!matches.some(isText)) return null;
  if (tokenizer === null) {
    throw new InputError({
      about,
      problem: 'it takes tokens, and the job names no tokenizer',
      remedy: `set ${path}.tokenizer.uri to the tokenizer.json of the model`,
    });
  }
  const maxTokens = Math.min(tokenizer.maxTokens, ...lengths);
  return openTokenizer(tokenizer.path, { maxTokens });
}

/** Models have some rows more than tokens, so that their number is a multiple of 128, and never fewer. */
const spareIds = 1_024;

/**
 * @returns likely mistakes, in sentences
 * @throws InputError for a tokenizer with more tokens than the model knows: it belongs to another model
 */
function checkVocabulary(
  { about, fields, settings: { side, path = side } }: InputSource,
  matches: readonly Match[],
  { trainedSize }: Tokenizer,
): readonly string[] {
  return matches.flatMap(({ input: { name, ids }, field, setting }) => {
    const role = setting.tokens ?? roleOf(name) ?? 'Ids';
    if (ids === undefined || role !== 'Ids' || fields[field]?.dtype !== 'text') return [];
    if (trainedSize > ids) {
      throw new InputError({
        about,
        found: `a tokenizer of ${String(trainedSize)} tokens`,
        expected: `at most ${String(ids)}, as the model knows for its input ${name}`,
        remedy: `set ${path}.tokenizer.uri to the tokenizer.json of this model`,
      });
    }
    if (ids - trainedSize <= spareIds) return [];
    return [
      `${path}.tokenizer has ${String(trainedSize)} tokens, and the model knows ${String(ids)} for its input ${name}; ` +
        'check that it is the tokenizer of this model',
    ];
  });
}

function planOf({ about, fields, settings }: InputSource, match: Match, tokenizer: Tokenizer | null): Plan {
  const { input, field, setting, from } = match;
  const spec = fields[field];
  if (spec === undefined) throw new RangeError(`plan: no field ${field}`);
  if (spec.dtype === 'text') {
    const role = setting.tokens ?? roleOf(input.name) ?? 'Ids';
    if (tokenizer === null) throw new RangeError('plan: texts without a tokenizer');
    const planned = planTokens(about, input, role, tokenizer);
    const { description } = planned;
    return { description, notes: [], feed: (_, tokens) => planned.feed(tokens.get(field) ?? []) };
  }
  const [height, width, channels] = spec.shape;
  const isImage = spec.kind === 'image' && height !== undefined && width !== undefined && channels !== undefined;
  if (isImage) {
    const planned = planImages(about, input, [height, width, channels], setting, { from, side: settings.side });
    return {
      ...planned,
      feed: (samples) => {
        const values = numbersOf(samples, field, spec.shape);
        if (!(values instanceof Float32Array)) throw new RangeError(`feed: ${field} is no image`);
        return planned.feed(values, samples.count);
      },
    };
  }
  const planned = planTensor(about, input, spec.shape, setting, from);
  return { ...planned, feed: (samples) => planned.feed(numbersOf(samples, field, spec.shape), samples.count) };
}

function numbersOf({ count, inputs }: Samples, field: string, shape: readonly number[]): Float32Array | Int32Array {
  const tensor = inputs[field];
  const size = sizeOf(shape);
  if (tensor === undefined || tensor.dtype === 'text' || tensor.data.length !== count * size) {
    const found = tensor?.data.length ?? 0;
    throw new RangeError(`infer: found ${String(found)} values, expected ${String(count)} samples of ${String(size)}`);
  }
  return tensor.data;
}

function tokensOf({ inputs }: Samples, field: string, tokenizer: Tokenizer | null): readonly Tokens[] {
  const tensor = inputs[field];
  if (tensor?.dtype !== 'text' || tokenizer === null) throw new RangeError(`feed: ${field} holds no texts`);
  return tensor.data.map((text) => tokenizer.encode(text));
}
