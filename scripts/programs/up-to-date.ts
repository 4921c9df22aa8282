/** Bundles the programs of this tree when what they are made from has changed. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

import { writeWhole } from '@distillery/platform';
import { version } from 'esbuild';

import { bundle, writeBundle } from './bundle.ts';
import { allPrograms, programsFolder } from './programs.ts';

const root = join(import.meta.dirname, '../..');
/** Names what the bundle there was made from. */
const recordFile = join(programsFolder, 'made-from.json');

interface MadeFrom {
  readonly bundler: string;
  /** Time of change and size by path. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Does nothing when they are up to date. The default: jest calls it before it starts (jest.config.js). */
export default async function buildPrograms(): Promise<void> {
  const earlier = await recorded();
  if (earlier !== null && (await isCurrent(earlier))) return;
  const made = await bundle(allPrograms);
  const own = (await readdir(import.meta.dirname)).map((file) => join('scripts/programs', file));
  const inputs: [string, string][] = [];
  for (const input of [...made.inputs, ...own]) inputs.push([input, await stateOf(input)]);
  await writeBundle(programsFolder, made);
  const record: MadeFrom = { bundler: version, inputs: Object.fromEntries(inputs) };
  await writeWhole(recordFile, JSON.stringify(record));
}

async function recorded(): Promise<MadeFrom | null> {
  try {
    return JSON.parse(await readFile(recordFile, 'utf8')) as MadeFrom;
  } catch {
    return null;
  }
}

async function isCurrent({ bundler, inputs }: MadeFrom): Promise<boolean> {
  if (bundler !== version) return false;
  const states = await Promise.all(
    Object.entries(inputs).map(async ([file, state]) => state === (await stateOf(file))),
  );
  return states.every(Boolean);
}

/** Differs when the file does. */
async function stateOf(file: string): Promise<string> {
  const { mtimeMs, size } = await stat(join(root, file)).catch(() => ({ mtimeMs: 0, size: 0 }));
  return `${String(mtimeMs)} ${String(size)}`;
}
