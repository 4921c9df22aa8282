/** Opens data sets: as tables of their format (table-formats.ts), and the raw bytes of idx files, as ever, by idx.ts. */
import { type DataPlace, resolve } from '../places/index.js';
import { type FarFiles, openIdx } from '../tables/index.js';
import { openPlainIdx } from './idx.js';
import { type IdxFiles, locateIdx } from './idx-locate.js';
import type { Dataset, DatasetSettings } from './dataset.js';
import { openTableDataset } from './table-dataset.js';
import { tableFormats } from './table-formats.js';
import type { Replacement } from './table-split.js';

/** What idx.ts reads: raw bytes, for a job that asks for nothing else; null = the table of the format reads it. */
async function plainIdx(
  { path, far }: DataPlace,
  { format, fields, split, onBadSample }: DatasetSettings,
): Promise<IdxFiles | null> {
  if (format !== 'idx' || fields !== undefined || split !== undefined || onBadSample !== undefined) return null;
  const files = await locateIdx(path, far);
  return (await areRawBytes(files, far)) ? files : null;
}

/** A fault of the files counts as raw bytes, since the sentences of that reader are about images and labels. */
async function areRawBytes(files: IdxFiles, far: FarFiles | undefined): Promise<boolean> {
  const all = [files.trainImages, files.trainLabels, files.testImages, files.testLabels];
  if (all.some((file) => file.endsWith('.gz'))) return false;
  const table = await openIdx([{ name: 'image', path: files.trainImages }], far).catch(() => null);
  const images = table?.columns[0];
  await table?.close();
  return images?.kind !== 'tensor' || (images.dtype === 'uint8' && images.shape.length <= 2);
}

export interface OpenOptions {
  /** Where a uri leads; by default to this machine only. */
  readonly placeOf?: (uri: string) => Promise<DataPlace>;
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
  const { far } = place;
  try {
    const plain = await plainIdx(place, settings);
    const dataset =
      plain === null
        ? await openTableDataset(tableFormats[settings.format], place, settings, replaced)
        : await openPlainIdx(plain, far);
    return far === undefined ? dataset : inParts(dataset, place.uri, far);
  } catch (error) {
    await far?.close();
    throw error;
  }
}

function inParts(dataset: Dataset, uri: string, far: NonNullable<DataPlace['far']>): Dataset {
  const note = `${uri}: larger than the cache, so it is read in parts; training.shuffle: Blocks reads fewer of them`;
  return {
    ...dataset,
    notes: [note, ...dataset.notes],
    close: async () => {
      await dataset.close();
      await far.close();
    },
  };
}
