/** What the columns of each format are where a job does not say it. */
import type { DatasetField } from '@distillery/protocol';

import type { Column, Table } from '../tables/index.js';
import { arrayImageShape } from './fields/image.js';
import { type LabelKind, naturalLabels } from './natural-labels.js';

/** Names under which people keep labels and inputs, in the order in which they are looked for. */
const labelNames = ['label', 'labels', 'class', 'y', 'cls'];
const textNames = ['text', 'sentence', 'txt'];
const pictureNames = ['image', 'png', 'jpg', 'jpeg', 'webp'];

/** Labels count from 0, or have the names that the data gives. */
function classField(column: string): DatasetField {
  return { name: 'class', columns: [column], type: 'class', firstClass: 0 };
}

/** The field of a column of labels. */
export async function labelField(table: Table, column: Column): Promise<DatasetField> {
  const kind: LabelKind = await naturalLabels(table, column);
  switch (kind) {
    case 'class':
      return classField(column.name);
    case 'classes':
      return { name: 'classes', columns: [column.name], type: 'classes', firstClass: 0, separator: ',' };
    case 'target':
      return { name: 'target', columns: [column.name], type: 'target' };
  }
}

function named(columns: readonly Column[], names: readonly string[]): Column | undefined {
  return names
    .map((name) => columns.find((column) => column.name.toLowerCase() === name))
    .find((found) => found !== undefined);
}

/** An image folder: `image` from the files, `class` from the names of the folders, where there are any. */
export function imageFolderFields(hasFolders: boolean): readonly DatasetField[] {
  const image: DatasetField = { name: 'image', columns: ['image'], type: 'image' };
  return hasFolders ? [image, classField('label')] : [image];
}

/** Plain files: both ends of each as magika reads them, without a target. */
export const filesFields: readonly DatasetField[] = [
  { name: 'bytes', columns: ['bytes'], type: 'bytes', head: 1_024, tail: 1_024, padding: 256, strip: true },
];

/** Columns of any content: an image or a text where one is named so, else all numbers; and a label where one is. */
export async function columnFields(table: Table): Promise<readonly DatasetField[]> {
  const { columns } = table;
  const label = named(columns, labelNames);
  const target = label === undefined ? [] : [await labelField(table, label)];
  const picture = named(columns, pictureNames);
  if (picture !== undefined) return [{ name: 'image', columns: [picture.name], type: 'image' }, ...target];
  const text = named(columns, textNames);
  if (text !== undefined) return [{ name: 'text', columns: [text.name], type: 'text' }, ...target];
  return [{ name: 'input', columns: ['*'], type: 'tensor', dtype: 'Float32' }, ...target];
}

/** Arrays: `x` (or the only array) is an image where it is pixels, else a tensor; `y` is what its values are. */
export async function arrayFields(table: Table): Promise<readonly DatasetField[]> {
  const { columns } = table;
  const label = named(columns, labelNames);
  const inputs = columns.filter((column) => column !== label);
  const fields = inputs.map((column): DatasetField => {
    const common = { name: inputs.length === 1 ? 'input' : column.name, columns: [column.name] };
    if (column.kind === 'cells') return { ...common, type: 'text' };
    const isImage = column.dtype === 'uint8' && column.shape.length >= 2 && arrayImageShape(column) !== null;
    return isImage ? { ...common, type: 'image' } : { ...common, type: 'tensor', dtype: 'Float32' };
  });
  return label === undefined ? fields : [...fields, await labelField(table, label)];
}
