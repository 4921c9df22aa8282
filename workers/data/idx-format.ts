/** idx files of any type and of one to four dimensions, raw or packed, as a table: `image` and `label`. */
import type { DatasetField } from '@distillery/protocol';

import { type FarFiles, openIdx, type Table } from '../tables/index.js';
import { locateIdx } from './idx-locate.js';
import { arrayImageShape } from './fields/image.js';
import { labelField } from './natural-fields.js';
import type { Parts, Source } from './splits.js';
import type { TableFormat } from './table-format.js';

export const idxFormat: TableFormat = {
  open: (source, _, far) => openColumns(source, far),
  parts: async (path, far): Promise<Parts> => {
    const { trainImages, trainLabels, testImages, testLabels } = await locateIdx(path, far);
    return { train: columnsOf(path, trainImages, trainLabels), test: columnsOf(path, testImages, testLabels) };
  },
  fields: idxFields,
  namedRows: false,
};

function columnsOf(path: string, images: string, labels: string): Source {
  return {
    path,
    arrays: new Map([
      ['image', images],
      ['label', labels],
    ]),
  };
}

async function openColumns(source: Source, far: FarFiles | undefined): Promise<Table> {
  if (typeof source === 'string') {
    const { trainImages, trainLabels } = await locateIdx(source, far);
    return openColumns(columnsOf(source, trainImages, trainLabels), far);
  }
  if ('arrays' in source)
    return openIdx(
      [...source.arrays].map(([name, path]) => ({ name, path })),
      far,
    );
  throw new RangeError('found several paths, expected one');
}

/** Pixels are an image, other numbers a tensor; labels are what their values are. */
async function idxFields(table: Table): Promise<readonly DatasetField[]> {
  const fields: DatasetField[] = [];
  for (const column of table.columns) {
    if (column.kind !== 'tensor') continue;
    if (column.name === 'image') {
      const isImage = column.dtype === 'uint8' && arrayImageShape(column) !== null;
      const common = { name: 'input', columns: [column.name] };
      fields.push(isImage ? { ...common, type: 'image' } : { ...common, type: 'tensor', dtype: 'Float32' });
    } else fields.push(await labelField(table, column));
  }
  return fields;
}
