/** Images as an input of samples: float32 [height, width, channels] in [0, 1]. */
import type { DatasetField } from '@distillery/protocol';

import { BadRow, type Cell, type Column, type NumberType, type Values } from '../../tables/index.js';
import { sizeOf, type Tensor } from '../../samples/index.js';
import { columnOf, shownCell } from './cells.js';
import type { Decoded, InputField } from './field.js';
import { writeFractions } from './fractions.js';
import { decodePicture, PictureError, pictureIdentity, type Pixels } from './picture.js';

type ImageField = Extract<DatasetField, { readonly type: 'image' }>;
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Pictures decoded at once. */
const inFlight = 4;
/** What stands for 1 in integer pixels. */
const fullScale = new Map<NumberType, number>([
  ['uint8', 255],
  ['uint16', 65_535],
  ['float32', 1],
  ['float64', 1],
]);

/**
 * Images of encoded pictures.
 * @param shape of all images; channels are 1 or 3
 */
export async function pictureField({ name, size }: ImageField, column: string, shape: ImageShape): Promise<InputField> {
  const [height, width, channels] = shape;
  const length = sizeOf(shape);
  const decodeCell = async (cell: Cell | BadRow): Promise<Uint8Array | string> => {
    const pixels = await pixelsOf(cell, { size, channels: channels === 1 ? 1 : 3 });
    if (typeof pixels === 'string') return `column ${column}: ${pixels}`;
    if (pixels.height !== height || pixels.width !== width) {
      const found = `${String(pixels.height)} × ${String(pixels.width)}`;
      return (
        `column ${column}: the picture is ${found} pixels, the first one ${String(height)} × ${String(width)}, ` +
        'and no height and width in dataset.fields bring them to one size'
      );
    }
    return pixels.data;
  };
  return {
    name,
    columns: [column],
    identity: ['image', column, shape, size ?? null, await pictureIdentity()],
    spec: { dtype: 'float32', shape, kind: 'image' },
    decode: async (values, rows) => {
      const cells = cellsIn(columnOf(values, column), column);
      const decoded: (Uint8Array | string)[] = [];
      let next = 0;
      const lane = async (): Promise<void> => {
        for (let row = next++; row < rows; row = next++) decoded[row] = await decodeCell(cells[row] ?? null);
      };
      await Promise.all(Array.from({ length: Math.min(inFlight, rows) }, lane));
      // Only now: while other threads decode, they and the first touch of this memory slow each other down.
      const data = new Float32Array(rows * length);
      const bad = new Map<number, string>();
      for (const [row, pixels] of decoded.entries()) {
        if (typeof pixels === 'string') bad.set(row, pixels);
        else writeFractions(pixels, data, row * length);
      }
      return { content: { dtype: 'float32', shape: [rows, ...shape], data }, bad };
    },
  };
}

/** A picture, or why there is none. */
export async function pixelsOf(
  cell: Cell | BadRow,
  how: Parameters<typeof decodePicture>[1],
): Promise<Pixels | string> {
  if (cell instanceof BadRow) return cell.problem;
  if (!(cell instanceof Uint8Array)) return `it holds ${shownCell(cell)}, expected the bytes of a picture`;
  try {
    return await decodePicture(cell, how);
  } catch (error) {
    if (error instanceof PictureError) return error.clause;
    throw error;
  }
}

function cellsIn(values: Values, column: string): readonly (Cell | BadRow)[] {
  if (values.kind === 'cells') return values.cells;
  throw new RangeError(`column ${column}: found a tensor, expected cells`);
}

/** The shape of the images of a tensor column: [height, width] or [height, width, channels]; null when it holds none. */
export function arrayImageShape(column: Extract<Column, { readonly kind: 'tensor' }>): ImageShape | null {
  const [height, width, channels = 1, ...rest] = column.shape;
  if (height === undefined || width === undefined || rest.length > 0 || channels > 4) return null;
  return fullScale.has(column.dtype) ? [height, width, channels] : null;
}

/** Images of a tensor column: integers become fractions of their range, floats must lie in [0, 1]. */
export function arrayImageField(
  { name }: ImageField,
  column: Extract<Column, { readonly kind: 'tensor' }>,
  shape: ImageShape,
): InputField {
  const scale = fullScale.get(column.dtype) ?? 1;
  const length = sizeOf(shape);
  return {
    name,
    columns: [column.name],
    identity: ['image', column, shape],
    spec: { dtype: 'float32', shape, kind: 'image' },
    decode: (values, rows) => {
      const given = columnOf(values, column.name);
      if (given.kind !== 'tensor') throw new RangeError(`column ${column.name}: found cells, expected a tensor`);
      const data = new Float32Array(rows * length);
      const bad = new Map<number, string>();
      for (let at = 0; at < data.length; at++) {
        const value = Number(given.data[at] ?? 0) / scale;
        data[at] = value;
        if (value >= 0 && value <= 1) continue;
        const row = Math.floor(at / length);
        if (!bad.has(row))
          bad.set(
            row,
            `column ${column.name}: it holds ${String(value)}, expected pixels in [0, 1], or integers such as uint8`,
          );
      }
      const content: Tensor = { dtype: 'float32', shape: [rows, ...shape], data };
      return Promise.resolve({ content, bad } satisfies Decoded<Tensor>);
    },
  };
}
