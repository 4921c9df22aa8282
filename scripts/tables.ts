/** Tables of pages that are otherwise written by hand: each stands between two marks of its name. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..');

/** The page with a new table between the two marks of its name; the rest of the page is written by hand. */
export async function renderTable(file: string, name: string, source: string, table: string): Promise<string> {
  return withTable(await readFile(path.join(root, file), 'utf8'), file, name, source, table);
}

export function withTable(page: string, file: string, name: string, source: string, table: string): string {
  const open = `<!-- ${name}: generated from ${source} by scripts/generate.ts -->\n`;
  const close = `<!-- /${name} -->\n`;
  const [before, rest] = page.split(open);
  const after = rest?.split(close)[1];
  if (before === undefined || after === undefined) {
    throw new Error(
      `${file}: the marks of the table of ${name} are missing; put back ${open.trim()} and ${close.trim()}`,
    );
  }
  return `${before}${open}\n<!-- prettier-ignore -->\n${table}\n${close}${after}`;
}
