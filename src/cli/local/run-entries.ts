/** The files and folders that a run uses in its folder, and what else is there. Reads only. */
import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

import { type Mark, markName, targetOfPartial } from '@distillery/platform';

/** Marks the folder of a run. */
export const runMark: Mark = { kind: 'run' };
/** Marks the folder of the run's own NATS server, which is removed when the run is complete. */
export const natsMark: Mark = { kind: 'nats' };

/** Folders of a run, with the names that a run writes into each. Marks and half-written files come in addition. */
const subfolders = {
  job: /^(manifest\.json|(teacher|student)\.(password|token|creds))$/,
  logs: /\.(log|end)$/,
  nats: /^(nats-server\.json|nats-server\.log.*|store)$/,
  checkpoints: /^step-\d+-attempt-\d+\.ckpt(\.partial)?$/,
  model: /^(model\.(json|onnx)|weights\.bin|metrics\.json|SHA256SUMS|\.part.*)$/,
  baseline: /^/,
} as const;
const files = /^((job|status)\.json(\.new)?|slots(\.new)?|run\.lock(\.\d+)?|history\.jsonl|report\.html)$/;

/** Where a run writes files whole; a baseline is a run of its own, and logs grow by the line. */
const sweptFolders = ['job', 'nats', 'checkpoints', 'model'] as const;

/** @returns for the run's folder (`''`) and those in it in which a crash may leave half a file: whose halves are the run's */
export function sweptIn(folder: string): { readonly inner: string; readonly isOwn: (target: string) => boolean }[] {
  const within = (pattern: RegExp) => (target: string) => target === markName || pattern.test(target);
  const inners = sweptFolders.filter((name) => lstatSync(join(folder, name), { throwIfNoEntry: false })?.isDirectory());
  return [{ inner: '', isOwn: within(files) }, ...inners.map((inner) => ({ inner, isOwn: within(subfolders[inner]) }))];
}

/** @returns paths in an entry of the folder that no run writes; empty when the entry is one of a run */
export function foreignIn(folder: string, name: string): string[] {
  const entry = lstatSync(join(folder, name));
  if (entry.isFile()) return files.test(targetOfPartial(name) ?? name) ? [] : [name];
  const pattern = isSubfolder(name) && entry.isDirectory() ? subfolders[name] : null;
  if (pattern === null) return [name];
  return readdirSync(join(folder, name)).flatMap((inner) =>
    pattern.test(inner) || isMarkOrHalf(inner) ? [] : [join(name, inner)],
  );
}

/** True for a mark, which `cp -r RUN/*` copies with the folder below, and for what a crash left of a file. */
function isMarkOrHalf(name: string): boolean {
  return name === markName || name.endsWith('.partial');
}

/** An entry with the name of an entry of a run that a run must not use. */
interface Strange {
  readonly name: string;
  readonly is: 'link' | 'not a file, as a run writes it' | 'not a folder, as a run makes it';
}

/** @returns the first entry with a name of a run that is a link or of another kind; null when there is none */
export function strangeIn(folder: string): Strange | null {
  for (const { name, isLink, isFolder, isFile } of entriesOf(folder)) {
    const isOneOfFiles = files.test(name);
    if (!isOneOfFiles && !isSubfolder(name)) continue;
    if (isLink) return { name, is: 'link' };
    if (isOneOfFiles) {
      if (!isFile) return { name, is: 'not a file, as a run writes it' };
      continue;
    }
    if (!isFolder) return { name, is: 'not a folder, as a run makes it' };
    const inner = name === 'baseline' ? strangeIn(join(folder, name)) : linkIn(join(folder, name));
    if (inner !== null) return { ...inner, name: join(name, inner.name) };
  }
  return null;
}

/** @returns the first link in a folder or below it; null when there is none */
function linkIn(folder: string): Strange | null {
  for (const { name, isLink, isFolder } of entriesOf(folder)) {
    if (isLink) return { name, is: 'link' };
    const inner = isFolder ? linkIn(join(folder, name)) : null;
    if (inner !== null) return { ...inner, name: join(name, inner.name) };
  }
  return null;
}

interface Entry {
  readonly name: string;
  readonly isLink: boolean;
  readonly isFolder: boolean;
  readonly isFile: boolean;
}

function entriesOf(folder: string): Entry[] {
  return readdirSync(folder, { withFileTypes: true }).map((entry) => ({
    name: entry.name,
    isLink: entry.isSymbolicLink(),
    isFolder: entry.isDirectory(),
    isFile: entry.isFile(),
  }));
}

function isSubfolder(name: string): name is keyof typeof subfolders {
  return Object.hasOwn(subfolders, name);
}
