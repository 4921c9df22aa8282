/**
 * The formats of data sets as one table. The compiler ties it to the formats that a job manifest can name: a format in
 * one of the two lists and not in the other does not compile.
 */
import { type LocalPlace, resolve } from '../places/index.js';
import { openIdx } from '../tables/index.js';
import { idxReader } from './idx.js';
import { locateIdx } from './idx-locate.js';
import type { Dataset, DatasetSettings } from './samples.js';
import { openTableDataset } from './table-dataset.js';
import { tableFormats } from './table-formats.js';
import type { Replacement } from './table-split.js';

/**
 * Whether idx.ts is to read the files: raw bytes, and a job that asks for nothing else. A fault of the files counts as
 * plain, since the sentences of that reader are about images and labels.
 */
async function isPlainIdx(path: string, { fields, split, onBadSample }: DatasetSettings): Promise<boolean> {
  if (fields !== undefined || split !== undefined || onBadSample !== undefined) return false;
  const files = await locateIdx(path);
  const all = [files.trainImages, files.trainLabels, files.testImages, files.testLabels];
  if (all.some((file) => file.endsWith('.gz'))) return false;
  const table = await openIdx([{ name: 'image', path: files.trainImages }]).catch(() => null);
  const images = table?.columns[0];
  await table?.close();
  return images?.kind !== 'tensor' || (images.dtype === 'uint8' && images.shape.length <= 2);
}

export interface OpenOptions {
  /** Where a uri leads; by default to this machine only. */
  readonly placeOf?: (uri: string) => Promise<LocalPlace>;
  /** Called once for each bad row that gave way to another (`onBadSample: Replace`). */
  readonly replaced?: (replacement: Replacement) => void;
}

/**
 * Both splits of a data set.
 * @throws PlaceError for a uri that names nothing here; DataError when a file is missing, damaged, or the splits do not
 *   fit each other; ReadError
 */
export async function openDataset(
  settings: DatasetSettings,
  { placeOf = resolve, replaced = () => undefined }: OpenOptions = {},
): Promise<Dataset> {
  const place = await placeOf(settings.uri);
  if (settings.format === 'idx' && (await isPlainIdx(place.path, settings))) return idxReader.open(place);
  return openTableDataset(tableFormats[settings.format], place, settings, replaced);
}
