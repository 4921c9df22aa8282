/** What is wrong with a data set in one case, and what the command says about it. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

type Content = string | Uint8Array;

/** A symbolic link. */
export interface Link {
  readonly to: string;
}

export interface DataCase {
  /** Follows "a data set that". */
  readonly what: string;
  /** Below the folder of the data, by path. */
  readonly files: Readonly<Record<string, Content | Link>> | (() => Promise<Readonly<Record<string, Content | Link>>>);
  /** What the uri names below the folder of the data; absent = the folder. */
  readonly path?: string;
  /** Fields of spec.dataset beside format and uri. */
  readonly dataset?: Readonly<Record<string, unknown>>;
  /** Part of the sentence, DIR in place of the folder of the data. */
  readonly want: string;
}

export async function writeFiles(folder: string, { files }: DataCase): Promise<void> {
  mkdirSync(folder);
  for (const [name, content] of Object.entries(typeof files === 'function' ? await files() : files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    if (typeof content === 'object' && 'to' in content) symlinkSync(content.to, path);
    else writeFileSync(path, content);
  }
}

/** Rows of a sound table of numbers with three classes. */
export function rows(count: number): { readonly a: number; readonly b: number; readonly label: number }[] {
  return Array.from({ length: count }, (_, row) => ({ a: row / 8, b: row % 5, label: row % 3 }));
}
