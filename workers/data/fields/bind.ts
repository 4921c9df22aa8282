/**
 * From the fields of a job to those of a table: which columns each one takes, and what the job leaves to the data (sizes of
 * images, shapes of tensors, names of classes) from the rows themselves. What is decided here is the same for every process
 * that reads the same data.
 */
import type { DatasetField } from '@distillery/protocol';

import { BadRow } from '../../tables/index.js';
import { DataError, sizeOf } from '../../samples/index.js';
import { cellsOf } from './cells.js';
import { described, fieldFault, firstSound, onlyColumn, singleValues, type Source } from './columns.js';
import type { InputField, TargetField } from './field.js';
import { arrayImageField, arrayImageShape, type ImageShape, pictureField, pixelsOf } from './image.js';
import { type HotField, hotTarget, numbersOf } from './hot.js';
import { labelRule } from './label-rule.js';
import { maxClasses } from './labels.js';
import { numericColumns } from './numeric-columns.js';
import { classesTarget, classTarget, partsOfCell, valuesTarget } from './targets.js';
import { bytesField, tensorField, textField } from './tensor.js';

const maxTensorValues = 1 << 24;

export interface BoundFields {
  readonly inputs: readonly InputField[];
  /** null = the samples have no target. */
  readonly target: TargetField | null;
}

type FieldOf<Type extends DatasetField['type']> = Extract<DatasetField, { readonly type: Type }>;

/** @throws DataError when a column is absent or does not hold what the field says; ReadError */
export async function bindFields(fields: readonly DatasetField[], source: Source): Promise<BoundFields> {
  const inputs: InputField[] = [];
  let target: TargetField | null = null;
  for (const field of fields) {
    switch (field.type) {
      case 'image':
        inputs.push(await bindImage(field, source));
        break;
      case 'tensor':
        inputs.push(await bindTensor(field, fields, source));
        break;
      case 'text':
        inputs.push(textField(field, singleValues(field, source)));
        break;
      case 'bytes':
        inputs.push(bytesField(field, singleValues(field, source)));
        break;
      case 'class': {
        target = await bindHot(field, source);
        if (target !== null) break;
        const column = singleValues(field, source);
        target = classTarget(field, column, await labelRule(field, column, source, (cell) => [cell]));
        break;
      }
      case 'classes': {
        target = await bindHot(field, source);
        if (target !== null) break;
        const column = singleValues(field, source);
        const rule = await labelRule(field, column, source, (cell) => partsOfCell(cell, field.separator));
        target = classesTarget(field, column, rule);
        break;
      }
      case 'target':
        target = valuesTarget(field, await numericColumns(field, fields, source));
        break;
    }
  }
  return { inputs, target };
}

/** Labels that are rows of zeros and ones; null = they are not. A list of several classes names them, so it is none. */
async function bindHot(field: HotField, source: Source): Promise<TargetField | null> {
  const column = onlyColumn(field, source);
  const width = column.kind === 'tensor' ? sizeOf(column.shape) : await listLength(field, column.name, source);
  if (width < 2) return null;
  const names = field.classes?.length ?? width;
  if (names === width && width <= maxClasses) return hotTarget(field, column.name, width);
  const expected = names === width ? `at most ${String(maxClasses)}` : `${String(names)}, as classes has`;
  throw fieldFault(field, column.name, `rows of ${String(width)} values`, expected, 'correct classes or the type');
}

/** Numbers in the first sound list of a column; 0 where it holds no lists, or lists of names. */
async function listLength({ type }: HotField, column: string, source: Source): Promise<number> {
  if (type === 'classes') return 0;
  const first = await firstSound(source, column, (values) => {
    const [cell = null] = cellsOf(values, column);
    if (cell instanceof BadRow) return Promise.resolve(cell);
    return Promise.resolve({ length: numbersOf(cell)?.length ?? 0 });
  });
  return typeof first === 'string' ? 0 : first.length;
}

async function bindImage(field: FieldOf<'image'>, source: Source): Promise<InputField> {
  const column = onlyColumn(field, source);
  if (column.kind === 'tensor') {
    const shape = arrayImageShape(column);
    const expected = '[height, width] or [height, width, channels] of uint8, uint16 or floats';
    if (shape === null) throw fieldFault(field, column.name, described(column), expected, 'set the type to tensor');
    if (field.size !== undefined || (field.channels !== undefined && field.channels !== shape[2])) {
      const remedy = 'remove height, width and channels, or store encoded pictures';
      throw fieldFault(field, column.name, `pixels of shape ${shape.join(' × ')}`, 'encoded pictures', remedy);
    }
    return arrayImageField(field, column, shape);
  }
  const { size, channels } = field;
  if (size !== undefined && channels !== undefined) {
    return pictureField(field, column.name, [size.height, size.width, channels]);
  }
  const first = await firstSound(source, column.name, async (values) => {
    const [cell = null] = cellsOf(values, column.name);
    const pixels = await pixelsOf(cell, { size, channels });
    return typeof pixels === 'string' ? new BadRow(pixels) : pixels;
  });
  if (typeof first === 'string') {
    throw new DataError({ about: source.uri, problem: first, remedy: 'correct dataset.fields or the data' });
  }
  const shape: ImageShape = [first.height, first.width, first.channels];
  return pictureField(field, column.name, shape);
}

async function bindTensor(
  field: FieldOf<'tensor'>,
  fields: readonly DatasetField[],
  source: Source,
): Promise<InputField> {
  const columns = await numericColumns(field, fields, source);
  const [only, ...others] = columns;
  const size = columns.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const natural = others.length === 0 && only !== undefined && only.shape.length > 0 ? only.shape : [size];
  const shape = field.shape ?? natural;
  if (sizeOf(shape) === size && size <= maxTensorValues) return tensorField(field, columns, shape);
  throw fieldFault(
    field,
    columns.map(({ name }) => name).join(', '),
    `${String(size)} values a row`,
    size > maxTensorValues ? `at most ${String(maxTensorValues)}` : `${String(sizeOf(shape))}, as its shape says`,
    'correct shape or columns',
  );
}
