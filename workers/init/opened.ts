/** The data set, opened as a job would open it, and how long its texts are in tokens. */
import { type Dataset, openDataset } from '../data/index.js';
import type { Split } from '../samples/index.js';
import type { DatasetChoice, Opened } from '../draft/index.js';
import { openTokenizer } from '../inputs/index.js';
import { placeUri } from './uri.js';

const textsMeasured = 200;
/** Longer than any model here takes; the library would go on to the end of a book. */
const mostTokens = 4_096;
/** Nineteen of twenty texts. */
const usualShare = 0.95;

/**
 * Bad rows give way to others: what is wrong with one row says nothing about the job.
 * @throws PlaceError; DataError when the fields do not fit the data; ReadError
 */
export function openChosen({ path, format, fields, split }: DatasetChoice): Promise<Dataset> {
  return openDataset({
    format,
    uri: placeUri(path),
    ...(fields === undefined ? {} : { fields: [...fields] }),
    ...(split === undefined ? {} : { split }),
    // A plain idx job names nothing: only so its raw bytes are read in place.
    ...(fields === undefined ? {} : { onBadSample: 'Replace' as const }),
  });
}

/** @throws also InputError for a tokenizer */
export async function inspectOpened(choice: DatasetChoice, tokenizer: string | null): Promise<Opened> {
  const dataset = await openChosen(choice);
  try {
    const { train, test } = dataset;
    const { inputs, target } = train.spec;
    return {
      rows: train.length,
      heldOut: test?.length ?? null,
      inputs,
      target: widest(target, test?.spec.target ?? null),
      tokens: tokenizer === null ? null : await tokensOf(train, tokenizer),
    };
  } finally {
    await dataset.close();
  }
}

/** A class may appear in one split only. */
function widest(train: Opened['target'], test: Opened['target']): Opened['target'] {
  if (train === null || test === null || train.kind === 'values' || test.kind === 'values') return train;
  return test.classes > train.classes ? test : train;
}

/** Rows spread over the whole split. */
export function spread({ length }: Pick<Split, 'length'>, most: number): readonly number[] {
  const taken = Math.min(length, most);
  return Array.from({ length: taken }, (_, at) => Math.floor((at * length) / taken));
}

async function tokensOf(split: Split, path: string): Promise<Opened['tokens']> {
  const tokenizer = await openTokenizer(path, { maxTokens: mostTokens });
  const { inputs } = await split.read(spread(split, textsMeasured));
  const texts = Object.values(inputs).flatMap((tensor) => (tensor.dtype === 'text' ? tensor.data : []));
  const lengths = texts.map((text) => tokenizer.encode(text).ids.length).sort((a, b) => a - b);
  const usual = lengths[Math.ceil(usualShare * lengths.length) - 1] ?? 0;
  return { usual, vocabulary: tokenizer.vocabularySize };
}
