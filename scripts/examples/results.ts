/** The table of an example over several seeds, as Markdown. */
import { availableParallelism } from 'node:os';

import { count } from '@distillery/base';

import type { Example, Figures, Shown } from './example.ts';

export interface SeedResult {
  readonly seed: number;
  readonly figures: Figures;
  /** Of the student's weights. */
  readonly digest: string;
}

const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** A dash for what was not measured. */
export function shownText({ figure, text }: Shown, figures: Figures): string {
  const value = figures[figure];
  return value === undefined ? '–' : text(value);
}

/** @returns the content of the example's file of results */
export function resultsText(
  { name, columns, constants, tableNote }: Pick<Example, 'name' | 'columns' | 'constants' | 'tableNote'>,
  results: readonly SeedResult[],
): string {
  const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const meanOf = (column: Shown): string => {
    const values = results.map(({ figures }) => figures[column.figure]).filter((value) => value !== undefined);
    return values.length === 0 ? '–' : `**${column.text(mean(values))}**`;
  };
  const first = results[0]?.figures ?? {};
  return [
    `# Results over ${count(results.length, 'seed')}`,
    '',
    tableNote,
    `Written by \`npm run example -- ${name} --seeds ${String(results.length)}\`, on ${String(availableParallelism())} cores.`,
    '',
    ...constants.map((constant) => `- ${constant.title}: ${shownText(constant, first)}`),
    ...(constants.length === 0 ? [] : ['']),
    row(['seed', ...columns.map(({ title }) => title), 'digest of the weights']),
    row(['---:', ...columns.map(() => '---:'), '---']),
    ...results.map(({ seed, figures, digest }) =>
      row([String(seed), ...columns.map((column) => shownText(column, figures)), `\`${digest.slice(0, 16)}…\``]),
    ),
    row(['**mean**', ...columns.map(meanOf), '']),
    '',
  ].join('\n');
}
