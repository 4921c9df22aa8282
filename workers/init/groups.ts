/** Files that belong to one data set, by their names and folders. Pure. */
import { basename, dirname, sep } from 'node:path';

import { count } from '@distillery/base';

import type { FoundData } from '../draft/index.js';

interface NamedFile {
  readonly path: string;
  readonly name: string;
}

type Kind = 'idx' | 'npz' | 'npy' | 'csv' | 'jsonl' | 'parquet' | 'webdataset' | 'picture' | 'other';

const endings: readonly (readonly [RegExp, Kind])[] = [
  [/^(?:.+[-_.])?(?:train|t10k|test)-(?:images|labels)/, 'idx'],
  [/\.npz$/, 'npz'],
  [/\.npy$/, 'npy'],
  [/\.(?:csv|tsv)$/, 'csv'],
  [/\.(?:jsonl|ndjson|json)$/, 'jsonl'],
  [/\.(?:parquet|pq)$/, 'parquet'],
  [/\.tar$/, 'webdataset'],
  [/\.(?:png|jpe?g|webp)$/, 'picture'],
];
/** Files that are no data, whatever the format: jobs, texts about the data, weights beside a model. */
const notData =
  /^(?:readme|licen[cs]e|notice|changelog|requirements)\b|\.(?:ya?ml|md|onnx\.data|pb|bin|py|ipynb|lock|toml|sh|log|partial)$/i;
/** Names of folders that are splits of one data set. */
const splitFolder = /^(?:train(?:ing)?|test(?:ing)?|val|valid|validation)$/i;
const fewestFiles = 2;

/** @param files none of which is a model */
export function dataIn(root: string, files: readonly NamedFile[]): readonly FoundData[] {
  const byKind = new Map<Kind, string[]>();
  for (const { path, name } of files) {
    if (notData.test(name)) continue;
    const kind = endings.find(([pattern]) => pattern.test(name.toLowerCase()))?.[1] ?? 'other';
    byKind.set(kind, [...(byKind.get(kind) ?? []), path]);
  }
  const of = (kind: Kind): readonly string[] => byKind.get(kind) ?? [];
  const found: FoundData[] = [
    ...idxSets(of('idx')),
    ...of('npz').map((path): FoundData => ({ path, format: 'npy', holds: basename(path) })),
    ...tables(of('npy'), 'npy'),
    ...tables(of('csv'), 'csv'),
    ...tables(of('jsonl'), 'jsonl'),
    ...tables(of('parquet'), 'parquet'),
    ...tables(of('webdataset'), 'webdataset'),
    ...pictures(root, of('picture')),
  ];
  const all = files.filter(({ name }) => !notData.test(name)).map(({ path }) => path);
  return [...found, ...plainFiles(root, all)];
}

function idxSets(paths: readonly string[]): FoundData[] {
  if (paths.length === 0) return [];
  return [{ path: commonFolder(paths), format: 'idx', holds: count(paths.length, 'file') }];
}

/** Each folder of files is one data set, and folders that are splits make one together. */
function tables(paths: readonly string[], format: FoundData['format']): FoundData[] {
  const sets = new Map<string, string[]>();
  for (const path of paths) {
    const folder = dirname(path);
    const set = splitFolder.test(basename(folder)) ? dirname(folder) : folder;
    sets.set(set, [...(sets.get(set) ?? []), path]);
  }
  return [...sets].map(([folder, members]) => {
    const [only = folder, another] = members;
    return { path: another === undefined ? only : folder, format, holds: count(members.length, 'file') };
  });
}

function pictures(root: string, paths: readonly string[]): FoundData[] {
  if (paths.length === 0) return [];
  const common = commonFolder(paths);
  // The folder of one class: its name is the label, and its parent the data set; unless that is all there is.
  const isSplit = splitFolder.test(basename(common)) && common !== root;
  return [{ path: isSplit ? dirname(common) : common, format: 'imageFolder', holds: count(paths.length, 'picture') }];
}

/** Where the folder itself holds models and jobs, its only folder with files is meant. */
function plainFiles(root: string, paths: readonly string[]): FoundData[] {
  if (paths.length < fewestFiles) return [];
  const inside = paths.filter((path) => dirname(path) !== root);
  const members = inside.length >= fewestFiles ? inside : paths;
  return [{ path: commonFolder(members), format: 'files', holds: count(members.length, 'file') }];
}

/** The deepest folder that holds all of the files. */
function commonFolder(paths: readonly string[]): string {
  const [first = '', ...others] = paths.map((path) => dirname(path).split(sep));
  const parts = typeof first === 'string' ? [] : first;
  let length = parts.length;
  for (const other of others) {
    let same = 0;
    while (same < length && other[same] === parts[same]) same++;
    length = same;
  }
  return parts.slice(0, length).join(sep) || sep;
}
