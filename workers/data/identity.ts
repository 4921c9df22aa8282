/**
 * The identity of a data set: what two processes must agree on before they work on the same samples.
 *
 * It covers: format, fields as they were bound to the data (sizes of images, names of classes, decoders with their
 * versions), split and handling of bad rows, the number of rows of each split, the columns, and names and content of up to
 * 64 rows of each split, evenly spread. It does not cover every byte: a set of terabytes cannot be read at each start. What
 * differs only elsewhere is found by the self-test or not at all; `#sha256=` pins a whole file.
 */
import { createHash } from 'node:crypto';

import type { Table } from '../tables/index.js';
import type { BoundFields } from './fields/bind.js';
import { addRows } from './row-hash.js';
import type { DatasetSettings } from './dataset.js';

const sampledRows = 64;
const hexDigits = 32;

export interface IdentifiedPart {
  readonly table: Table;
  /** Rows of the split; null = all. */
  readonly rows: Uint32Array | null;
}

export async function identityOf(
  { format, split, onBadSample }: DatasetSettings,
  { inputs, target }: BoundFields,
  parts: readonly IdentifiedPart[],
): Promise<string> {
  const hash = createHash('sha256');
  const fields = [...inputs, ...(target === null ? [] : [target])];
  const columns = [...new Set(fields.flatMap((field) => field.columns))];
  const lengths = parts.map(({ table, rows }) => rows?.length ?? table.length);
  const fixed = fields.map(({ name, identity }) => [name, identity]);
  hash.update(JSON.stringify([1, format, split ?? null, onBadSample ?? null, fixed, lengths]));
  for (const [at, { table, rows }] of parts.entries()) {
    const length = lengths[at] ?? 0;
    hash.update(JSON.stringify(table.columns.filter(({ name }) => columns.includes(name))));
    const count = Math.min(sampledRows, length);
    const sampled = Array.from({ length: count }, (_, nth) => Math.floor((nth * length) / count));
    await addRows(
      hash,
      table,
      sampled.map((index) => rows?.[index] ?? index),
      columns,
    );
  }
  return hash.digest('hex').slice(0, hexDigits);
}
