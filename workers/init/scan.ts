/**
 * Lists what lies in a folder: models, tokenizers, and files that may be data. Reads names, and the first bytes of JSON
 * files. Bounded: a home folder that is named by mistake ends with a sentence.
 */
import type { Dirent } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

import { count } from '@distillery/base';

import { byBytes } from '../data/index.js';
import { DataError, readFailure } from '../samples/index.js';
import type { Found, FoundData, TeacherFormat } from '../draft/index.js';
import { dataIn } from './groups.js';

/** More than any project folder with its models has; pictures of a data set are counted, too. */
const mostEntries = 2_000_000;
const mostFolders = 8;
const headBytes = 65_536;
/** Folders that are no one's data. */
const skipped = new Set(['node_modules', '__pycache__', '__MACOSX', 'lost+found', 'venv']);
/** What a folder of TensorFlow's has besides its variables. */
const savedModel = 'saved_model.pb';
const partsOfSavedModel = new Set(['variables', 'assets', 'assets.extra']);
/** Marks the folder of a run of ours. */
const ourMark = '.distillery';

export interface ScannedFile {
  readonly path: string;
  readonly name: string;
}

interface Walk {
  readonly files: ScannedFile[];
  entries: number;
}

/** @throws DataError for a path that cannot be read, or too many files; ReadError */
export async function scan(root: string): Promise<Found> {
  const files = await filesAt(root);
  const teachers: { readonly path: string; readonly format: TeacherFormat }[] = [];
  const tokenizers: string[] = [];
  const others: ScannedFile[] = [];
  for (const file of files) {
    const name = file.name.toLowerCase();
    if (name.endsWith('.onnx')) teachers.push({ path: file.path, format: 'onnx' });
    else if (name === savedModel) teachers.push({ path: file.path, format: 'saved-model' });
    else if (name === 'tokenizer.json') tokenizers.push(file.path);
    else if (name.endsWith('.json')) {
      const kind = await kindOfJson(file.path);
      if (kind === 'tfjs-layers' || kind === 'tfjs-graph') teachers.push({ path: file.path, format: kind });
      if (kind === 'list') others.push(file);
    } else others.push(file);
  }
  return { teachers, tokenizers, data: dataIn(root, others), files: files.length };
}

/** The model that a person named. @throws DataError, ReadError for a JSON file that cannot be read */
export async function teacherAt(path: string): Promise<Found['teachers'][number]> {
  const lower = path.toLowerCase();
  if (
    lower.endsWith('.pb') ||
    (await stat(path).then(
      (found) => found.isDirectory(),
      () => false,
    ))
  ) {
    return { path, format: 'saved-model' };
  }
  if (!lower.endsWith('.json')) return { path, format: 'onnx' };
  return { path, format: (await kindOfJson(path)) === 'tfjs-graph' ? 'tfjs-graph' : 'tfjs-layers' };
}

/** What a path holds that a person named as the data. @throws DataError, ReadError */
export async function dataAt(path: string): Promise<readonly FoundData[]> {
  const isFile = (await statOf(path)).isFile();
  if (!isFile) return (await scan(path)).data;
  return dataIn(dirname(path), [{ path, name: basename(path) }]);
}

async function statOf(path: string): Promise<Awaited<ReturnType<typeof stat>>> {
  try {
    return await stat(path);
  } catch (error) {
    throw readFailure(error, path, 'a file or folder');
  }
}

async function filesAt(root: string): Promise<readonly ScannedFile[]> {
  if ((await statOf(root)).isFile()) {
    throw new DataError({
      about: root,
      found: 'a file',
      expected: 'the folder with teacher and data',
      remedy: 'name the folder, and the file with --data or --teacher',
    });
  }
  const walk: Walk = { files: [], entries: 0 };
  await walkFolder(root, walk, root, 0);
  return walk.files;
}

async function walkFolder(root: string, walk: Walk, folder: string, depth: number): Promise<void> {
  if (depth > mostFolders) return;
  const entries = await entriesOf(root, folder);
  if (depth > 0 && entries.some(({ name }) => name === ourMark)) return;
  walk.entries += entries.length;
  if (walk.entries > mostEntries) {
    const remedy = 'name the folder of one project, or the data with --data and the teacher with --teacher';
    throw new DataError({ about: root, problem: `more than ${count(mostEntries, 'file')} lie in it`, remedy });
  }
  const isSavedModel = entries.some(({ name }) => name === savedModel);
  for (const entry of entries) {
    if (entry.name.startsWith('.') || skipped.has(entry.name)) continue;
    if (isSavedModel && partsOfSavedModel.has(entry.name)) continue;
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await walkFolder(root, walk, path, depth + 1);
    else if (entry.isFile() || (entry.isSymbolicLink() && (await isFileBehind(path))))
      walk.files.push({ path, name: entry.name });
  }
}

/** In the order of the bytes of their names, so that the same folder gives the same job on every disk. */
async function entriesOf(root: string, folder: string): Promise<readonly Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true });
    return entries.sort((a, b) => byBytes(a.name, b.name));
  } catch (error) {
    throw readFailure(error, folder, folder === root ? 'the folder with teacher and data' : 'a folder');
  }
}

async function isFileBehind(path: string): Promise<boolean> {
  return stat(path).then(
    (target) => target.isFile(),
    () => false,
  );
}

/** A model of TensorFlow.js with weights; `list` = rows; `other` = settings of something. */
async function kindOfJson(path: string): Promise<'tfjs-layers' | 'tfjs-graph' | 'list' | 'other'> {
  const start = await headOf(path);
  if (/^\uFEFF?\s*\[/.test(start)) return 'list';
  const isModel =
    /"(?:modelTopology|weightsManifest)"/.test(start) || (await tailOf(path)).includes('"weightsManifest"');
  if (!isModel) return 'other';
  return /"format"\s*:\s*"graph-model"/.test(start) ? 'tfjs-graph' : 'tfjs-layers';
}

async function headOf(path: string): Promise<string> {
  return partOf(path, () => 0);
}

async function tailOf(path: string): Promise<string> {
  return partOf(path, (size) => Math.max(0, size - headBytes));
}

async function partOf(path: string, from: (size: number) => number): Promise<string> {
  try {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const { buffer, bytesRead } = await file.read(Buffer.alloc(headBytes), 0, headBytes, from(size));
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw readFailure(error, path, 'a JSON file');
  }
}
