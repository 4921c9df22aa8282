/** Columns of text with two spaces between them. */

/** @param right columns, from 0, whose texts end in the same column, as numbers do */
export function aligned(rows: readonly (readonly string[])[], right: readonly number[]): string {
  const columns = Math.max(...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) => Math.max(...rows.map((row) => row[at]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((text, at) => (right.includes(at) ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

/** @returns such as `235,146` */
export function grouped(number: number): string {
  return number.toLocaleString('en-US');
}
