/** The texts of licenses that come with an installed package. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @returns the texts in the order of their files' names, with line breaks as on Unix; none when the package has none */
export function licenseTexts(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => /^(licen[cs]e|notice|copying)/i.test(name) && !/\.[cm]?js$/.test(name))
    .toSorted()
    .map((name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim());
}
