/** What docs/data.md says of each format and of each type of field: rows of its tables (scripts/generate.ts). */
import type { DatasetField } from '@distillery/protocol';

import type { DatasetFormat } from './dataset.js';

interface FormatWords {
  /** What lies at the uri. */
  readonly source: string;
  readonly row: string;
  readonly columns: string;
  /** Without `dataset.fields`. */
  readonly fields: string;
}

export const formatWords: Readonly<Record<DatasetFormat, FormatWords>> = {
  idx: {
    source: 'a folder with the four files of MNIST or EMNIST, raw or `.gz`',
    row: 'an image and its label',
    columns: '`image`, `label`',
    fields: '`image` (or a tensor, where the values are no bytes) and `class`',
  },
  npy: {
    source: 'an `.npz` archive, a folder of `.npy` files, or one `.npy` file',
    row: 'an element of the first axis of each array',
    columns: 'one for each array, by its name; `x_train` and `x_test` are the column `x` of two splits',
    fields:
      '`y` or `label` is what its values are, see below; other arrays are images (bytes of two or three axes), texts or tensors',
  },
  csv: {
    source: 'one `.csv` or `.tsv` file, raw or `.gz`, or a folder of them with equal head lines',
    row: 'a line',
    columns: 'by the head line',
    fields: 'see below',
  },
  jsonl: {
    source: 'one `.jsonl`, `.ndjson` or `.json` file, raw or `.gz`, or a folder of them',
    row: 'an object',
    columns: 'the keys of the objects',
    fields: 'see below',
  },
  parquet: {
    source: 'one `.parquet` file, or a folder of them with equal columns',
    row: 'a row',
    columns: 'by the schema',
    fields: 'see below',
  },
  imageFolder: {
    source: 'a folder of PNG, JPEG and WebP files, at any depth',
    row: 'a file',
    columns: '`image`, `label` (the first folder), `path`',
    fields: '`image`, and `class` where there are folders',
  },
  webdataset: {
    source: 'a `.tar` shard, or a folder of shards',
    row: 'the members of one key',
    columns: 'the extensions of the members, and `__key__`',
    fields: 'see below',
  },
  files: {
    source: 'a folder of any files, at any depth',
    row: 'a file',
    columns: '`bytes`, `size`, `path`, `extension`',
    fields: '`bytes`, no target',
  },
};

interface FieldWords {
  readonly role: 'input' | 'target';
  /** What a value of the column may be. */
  readonly takes: string;
  /** What the model gets. */
  readonly gives: string;
}

export const fieldWords: Readonly<Record<DatasetField['type'], FieldWords>> = {
  image: {
    role: 'input',
    takes: 'an encoded picture, or an array of pixels',
    gives: 'float32 [height, width, channels] in [0, 1]',
  },
  tensor: {
    role: 'input',
    takes: 'numbers, texts that are numbers, truth values, lists of them; several columns are joined',
    gives: 'float32 or int32 of the shape',
  },
  text: { role: 'input', takes: 'a text of at most 1,048,576 characters', gives: 'the text as it is, for a tokenizer' },
  bytes: { role: 'input', takes: 'bytes or a text', gives: 'int32 [head + tail]: both ends, padded' },
  class: { role: 'target', takes: 'a name, a number, or a row with a single 1', gives: 'one class' },
  classes: {
    role: 'target',
    takes: 'a list, a text with separators, or an array of zeros and ones',
    gives: 'any number of classes',
  },
  target: { role: 'target', takes: 'numbers; several columns are joined', gives: 'float32 [width]' },
};
