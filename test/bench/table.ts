/** The result of a benchmark: rows for people and programs. */
import { markdownTable } from '@distillery/base';

export interface BenchTable {
  readonly name: string;
  /** The goal, in words; never asserted. */
  readonly goal: string;
  /** Columns that a comparison with an earlier run looks at, and which numbers are better there. */
  readonly better?: Readonly<Record<string, 'more' | 'less'>>;
  readonly rows: readonly Readonly<Record<string, string | number>>[];
}

/** Options of the command line, by name. */
export type BenchOptions = Readonly<Record<string, string | undefined>>;

/** @param share from 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

/** "0.98 … 1.02" */
export function leastAndMost(values: readonly number[], digits: number): string {
  return `${Math.min(...values).toFixed(digits)} … ${Math.max(...values).toFixed(digits)}`;
}

export function renderTable({ name, goal, rows }: BenchTable): string {
  return `## ${name} (goal: ${goal})\n${markdownTable(rows)}\n`;
}
