/** A table in memory: columns of cells, or of numbers with a shape. */
import type { BadRow, Cell, Column, NumberArray, Table, Values } from '../../../workers/tables/index.js';

type Content =
  | readonly (Cell | BadRow)[]
  | {
      readonly dtype: 'uint8' | 'int32' | 'float32' | 'int64';
      readonly shape: readonly number[];
      readonly data: NumberArray;
    };

export function memoryTable(columns: Readonly<Record<string, Content>>, names?: readonly string[]): Table {
  const isCells = (content: Content): content is readonly (Cell | BadRow)[] => Array.isArray(content);
  const size = ({ shape }: { readonly shape: readonly number[] }): number => shape.reduce((all, axis) => all * axis, 1);
  const lengths = Object.values(columns).map((content) =>
    isCells(content) ? content.length : content.data.length / size(content),
  );
  const one = (content: Content, rows: ArrayLike<number>): Values => {
    if (isCells(content)) return { kind: 'cells', cells: Array.from(rows, (row) => content[row] ?? null) };
    const length = size(content);
    const data = new (content.data.constructor as new (length: number) => NumberArray)(rows.length * length);
    Array.from(rows).forEach((row, at) => {
      (data as Float32Array).set(
        (content.data as Float32Array).subarray(row * length, (row + 1) * length),
        at * length,
      );
    });
    return { kind: 'tensor', data };
  };
  return {
    length: lengths[0] ?? 0,
    columns: Object.entries(columns).map(([name, content]): Column =>
      isCells(content) ? { name, kind: 'cells' } : { name, kind: 'tensor', dtype: content.dtype, shape: content.shape },
    ),
    read: (rows, asked) => Promise.resolve(new Map(asked.map((name) => [name, one(columns[name] ?? [], rows)]))),
    nameOf: (row) => names?.[row] ?? `table, row ${String(row)}`,
    close: () => Promise.resolve(),
  };
}
