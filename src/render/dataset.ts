/** The manifest's account of the data: fields with their defaults filled in, and what a job does not use left out. Pure. */
import type { DatasetField } from '@distillery/protocol';

import type { DistillJob } from '../api/index.js';

type Dataset = DistillJob['spec']['dataset'];
type Field = NonNullable<Dataset['fields']>[number];
type Training = DistillJob['spec']['training'];

/** What a file type detector reads of a file: both ends. */
const defaultBytes = { head: 1_024, tail: 1_024, padding: 256, strip: true } as const;

/** As the schema of the manifest takes it; it refuses what this version does not build. */
export function datasetOf({ format, uri, delivery, fields, split, onBadSample }: Dataset): object {
  return {
    format,
    uri,
    delivery,
    ...(fields === undefined ? {} : { fields: fields.map(fieldOf) }),
    ...(split === undefined || Object.keys(split).length === 0 ? {} : { split }),
    ...(onBadSample === 'Replace' ? { onBadSample } : {}),
  };
}

export function trainingOf({ shuffle, augment: { flip, ...augment }, ...training }: Training): object {
  return {
    ...training,
    ...(shuffle === 'Blocks' ? { shuffle } : {}),
    augment: { ...augment, ...(flip ? { flip } : {}) },
  };
}

function fieldOf(field: Field): DatasetField {
  const { name, columns = [name], type } = field;
  const common = { name, columns };
  switch (type) {
    case 'image': {
      const { height, width, channels } = field;
      return {
        ...common,
        type,
        ...(height === undefined || width === undefined ? {} : { size: { height, width } }),
        ...(channels === undefined ? {} : { channels }),
      };
    }
    case 'tensor': {
      const { shape, dtype = 'Float32' } = field;
      return { ...common, type, dtype, ...(shape === undefined ? {} : { shape }) };
    }
    case 'bytes': {
      const { head, tail, padding, strip } = { ...defaultBytes, ...field };
      return { ...common, type, head, tail, padding, strip };
    }
    case 'class':
      return { ...common, type, ...classesOf(field) };
    case 'classes':
      return { ...common, type, ...classesOf(field), separator: field.separator ?? ',' };
    case 'text':
    case 'target':
      return { ...common, type };
  }
}

function classesOf({
  classes,
  firstClass = 0,
}: Field): Pick<Extract<DatasetField, { readonly type: 'class' }>, 'classes' | 'firstClass'> {
  return { firstClass, ...(classes === undefined ? {} : { classes }) };
}
