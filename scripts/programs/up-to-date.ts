/** Bundles the programs of this tree when what they are made from has changed. */
import { mkdir, readdir, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { version } from 'esbuild';

import { bundle, writeBundle } from './bundle.ts';
import { allPrograms } from './programs.ts';

const root = join(import.meta.dirname, '../..');
const folder = join(root, 'dist/programs');
/** Names what the bundle there was made from. */
const recordFile = join(folder, 'made-from.json');

interface Record_ {
  readonly bundler: string;
  /** Time of change and size by path. */
  readonly inputs: Readonly<Record<string, string>>;
}

/** Does nothing when they are up to date. The default: jest calls it before it starts (jest.config.js). */
export default async function buildPrograms(): Promise<void> {
  const record = await recorded();
  if (record !== null && (await isCurrent(record))) return;
  const made = await bundle(allPrograms);
  const own = (await readdir(import.meta.dirname)).map((file) => join('scripts/programs', file));
  const inputs: [string, string][] = [];
  for (const input of [...made.inputs, ...own]) inputs.push([input, await stateOf(input)]);
  await mkdir(folder, { recursive: true });
  await writeBundle(folder, made);
  const text = JSON.stringify({ bundler: version, inputs: Object.fromEntries(inputs) } satisfies Record_);
  await writeFile(`${recordFile}.${String(process.pid)}`, text);
  await rename(`${recordFile}.${String(process.pid)}`, recordFile);
}

async function recorded(): Promise<Record_ | null> {
  try {
    return JSON.parse(await readFile(recordFile, 'utf8')) as Record_;
  } catch {
    return null;
  }
}

async function isCurrent({ bundler, inputs }: Record_): Promise<boolean> {
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
