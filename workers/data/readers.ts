/**
 * The formats of data sets as one table. The compiler ties it to the formats that a job manifest can name: a format in
 * one of the two lists and not in the other does not compile.
 */
import type { Manifest } from '@distillery/protocol';

import { type LocalPlace, resolve } from '../places/index.js';

import { idxReader } from './idx.js';
import type { Dataset, DatasetFormat, Reader } from './samples.js';

const readers = { idx: idxReader } satisfies Record<DatasetFormat, Reader>;

/**
 * Both splits of a data set.
 * @param placeOf where a uri leads; by default to this machine only
 * @throws PlaceError for a uri that names nothing here; DataError when a file is missing, damaged, or the splits do not
 *   fit each other; ReadError
 */
export async function openDataset(
  { format, uri }: Pick<Manifest['dataset'], 'format' | 'uri'>,
  placeOf: (uri: string) => Promise<LocalPlace> = resolve,
): Promise<Dataset> {
  return readers[format].open(await placeOf(uri));
}
