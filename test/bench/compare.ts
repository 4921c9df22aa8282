/** A run of the benchmarks beside an earlier one. Pure. */
import { count } from '@distillery/base';

import type { BenchTable } from './table.js';

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly node: string;
  /** Load average of the last minute when the benchmark began: above `cores`, wall times mean nothing. */
  readonly load: number;
}

export type SavedTable = BenchTable & { readonly machine: Machine };

/** One figure that changed for the worse. */
export interface Slower {
  readonly row: string;
  readonly column: string;
  readonly before: number;
  readonly now: number;
  /** By how much, as a part of `before`: 0.1 = a tenth worse. */
  readonly worse: number;
}

/**
 * Compares the columns that the table names as better when more or less, row by row; a row is known by its first column.
 * Rows and figures that only one of the two has are left out.
 * @param tolerance changes up to this part are noise
 * @returns the worst first
 */
export function slowerThan(before: BenchTable, now: BenchTable, tolerance: number): readonly Slower[] {
  const earlier = new Map(before.rows.map((row) => [rowName(before, row), row]));
  return now.rows
    .flatMap((row) =>
      Object.entries(now.better ?? {}).map(([column, better]) => {
        const name = rowName(now, row);
        const [old, fresh] = [numberIn(earlier.get(name)?.[column]), numberIn(row[column])];
        return { row: name, column, before: old, now: fresh, worse: worseBy(old, fresh, better) };
      }),
    )
    .filter(({ worse }) => worse > tolerance)
    .sort((a, b) => b.worse - a.worse);
}

/** In lines for people. */
export function comparisonText(before: SavedTable | null, now: SavedTable, tolerance: number): string {
  const { name } = now;
  if (before === null) return `${name}: no baseline; write one with --baseline on a quiet machine`;
  const differing = (['cores', 'cpu', 'node'] as const).filter((key) => before.machine[key] !== now.machine[key]);
  const other = differing.map((key) => `${key} ${String(before.machine[key])}, now ${String(now.machine[key])}`);
  const notes = [
    ...(other.length === 0 ? [] : [`another machine (${other.join('; ')})`]),
    ...[before, now]
      .map(({ machine }, at) => ({ machine, when: at === 0 ? 'the baseline' : 'this run' }))
      .filter(({ machine }) => machine.load > machine.cores)
      .map(({ machine, when }) => `${when} had a load of ${machine.load.toFixed(1)} on ${String(machine.cores)} cores`),
  ];
  const slower = slowerThan(before, now, tolerance);
  const head = slower.length === 0 ? 'nothing got slower' : `${count(slower.length, 'figure')} got worse`;
  const lines = slower.map(
    ({ row, column, before: old, now: fresh, worse }) =>
      `  ${row}: ${column} ${String(old)}, now ${String(fresh)} (${(100 * worse).toFixed(0)} % worse)`,
  );
  return [`${name}: ${head}${notes.length === 0 ? '' : ` [${notes.join('; ')}]`}`, ...lines].join('\n');
}

type Row = BenchTable['rows'][number];

/** The values of the columns before the first one that is compared, without those that are measured. */
function rowName({ better = {} }: BenchTable, row: Row): string {
  const columns = Object.keys(row);
  const [first = ''] = columns;
  const words = columns.filter(
    (column) => !(column in better) && typeof row[column] === 'string' && isWord(row[column]),
  );
  return [first, ...words.filter((column) => column !== first)].map((column) => String(row[column])).join(', ');
}

const isWord = (text: string): boolean => /^[^\d\s█]/.test(text) && !text.includes('…');

/** The number at the start of a cell; NaN where there is none. */
function numberIn(cell: string | number | undefined): number {
  return typeof cell === 'number' ? cell : Number.parseFloat((cell ?? '').replaceAll(',', ''));
}

function worseBy(before: number, now: number, better: 'more' | 'less'): number {
  // Also where a figure is missing: no comparison with NaN is true.
  const difference = better === 'more' ? before - now : now - before;
  return before === 0 ? (difference > 0 ? Infinity : 0) : difference / Math.abs(before);
}
