/** The folders of a cache: entries, and entries that are being downloaded (cache.ts). */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';

import { codeOf } from '@distillery/base';
import { syncFolder } from '@distillery/platform';
import { z } from 'zod';

export const versionSchema = z.object({
  etag: z.string().nullable(),
  lastModified: z.string().nullable(),
  length: z.number().nullable(),
});
const factsSchema = z.object({
  version: z.literal(1),
  /** The uri, for people. */
  uri: z.string(),
  bytes: z.number(),
  /** Of a folder: the digest of its list of objects. */
  listing: z.string().nullable(),
  /** Of a single file and those beside it, by name. */
  files: z.array(versionSchema.extend({ name: z.string(), sha256: z.string() })),
});
export type Facts = z.infer<typeof factsSchema>;

export interface Entry {
  readonly folder: string;
  readonly facts: Facts;
}

/** A folder of the cache: an entry, a stage, or one that is being removed. */
export interface Kept {
  readonly name: string;
  readonly usedAtMs: number;
}

export function keptIn(cache: string): readonly Kept[] {
  return readdirSync(cache, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => {
      const folder = join(cache, name);
      return { name, usedAtMs: changedAt(join(folder, 'facts.json')) ?? changedAt(folder) ?? 0 };
    });
}

/** Whether a name of `keptIn` is that of an entry. */
export function isEntry(name: string): boolean {
  return !name.includes('.');
}

/** Folder of the files in an entry. */
export const contentName = 'content';

/** Leaves the files with these names in a stage, and makes their entries durable. */
export async function settleContent(stage: string, names: readonly string[]): Promise<void> {
  const content = join(stage, contentName);
  const wanted = new Set(names.map((name) => join(content, ...name.split('/'))));
  // Of a version that an earlier attempt began.
  for (const file of filesBelow(content)) if (!wanted.has(file)) rmSync(file);
  rmSync(join(stage, 'parts'), { recursive: true, force: true });
  for (const folder of new Set([content, ...[...wanted].map(dirname)])) await syncFolder(folder);
}

/** What an entry is; null when it is gone, or not ours. */
export function factsIn(folder: string): Facts | null {
  try {
    return factsSchema.parse(JSON.parse(readFileSync(join(folder, 'facts.json'), 'utf8')));
  } catch {
    return null;
  }
}

/** @returns false when `from` is gone */
export function renamed(from: string, to: string): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

/** Names in a folder; none when it is gone. */
export function namesIn(folder: string): readonly string[] {
  return existsSync(folder) ? readdirSync(folder) : [];
}

/** Paths of all files below a folder. */
export function filesBelow(folder: string): readonly string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** Bytes of a file; 0 when it is gone. */
export function sizeOf(file: string): number {
  try {
    return statSync(file).size;
  } catch {
    return 0;
  }
}

function changedAt(path: string): number | null {
  try {
    return statSync(path).mtimeMs;
  } catch {
    return null;
  }
}
