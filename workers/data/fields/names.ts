/** Names of columns for people. Pure. */
import { nearest } from '@distillery/base';

const shown = 12;
const longestName = 40;
const shortestSlip = 3;

/** The first names of a list, and how many more there are; a table may have thousands of columns. */
export function namesText(names: readonly string[]): string {
  const some = names
    .slice(0, shown)
    .map((name) => (name.length > longestName ? `${name.slice(0, longestName)}…` : name));
  const more = names.length - some.length;
  return some.join(', ') + (more > 0 ? ` and ${String(more)} more` : '');
}

/** The start of a remedy that names the column that is likely meant; empty where no name is close. */
export function meant(name: string, names: readonly string[]): string {
  // Every other letter is close to a single one.
  const close = name.length < shortestSlip ? undefined : nearest(name, names);
  return close === undefined ? '' : `name ${close} if you mean that column, or `;
}
