/**
 * Reads the files of a model. A fault of a file is a fault of the model, unless it is one of disk or network.
 *
 * Invariants:
 *  model-file/F1 Only regular files are read: opening a pipe would wait for a writer without end.
 *  model-file/F2 A file that a model names lies in the model's folder. The name cannot leave it, and neither can a
 *     link: the target lies below the folder that was named, or below the folder in which the model file really lies.
 *     (In a mounted ConfigMap each key is a link to a file inside the same mount, and in a cache of a model hub the
 *     model and its weights are links into one folder.)
 */
import { type FileHandle, realpath, stat } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';

import { openRegular, readFaultOf } from '@distillery/platform';

import { ReadError } from '../../samples/index.js';
import { ModelError } from './errors.js';
import type { ModelFormat } from './inference.js';

/** Longest model.json that is read; large models have some megabytes. */
export const maxJsonBytes = 64 * 2 ** 20;
/** Longest ONNX file or saved_model.pb: the limit of protobuf, their format. */
const maxProtobufBytes = 2 ** 31 - 1;
/** Longest model file of each format. */
export const maxModelBytes: Readonly<Record<ModelFormat, number>> = {
  onnx: maxProtobufBytes,
  'tfjs-layers': maxJsonBytes,
  'tfjs-graph': maxJsonBytes,
  'saved-model': maxProtobufBytes,
};

/** The file of a SavedModel's folder that says what the model is. */
const savedModelFile = 'saved_model.pb';

/**
 * The model file where the uri may name the folder of a SavedModel.
 * @param path a file, or a folder that has one
 */
export async function modelFileAt(format: ModelFormat, path: string): Promise<string> {
  if (format !== 'saved-model') return path;
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  return isFolder ? join(path, savedModelFile) : path;
}

/** One read; larger ones are refused by some systems. */
const readBytes = 2 ** 28;

/**
 * @param setting the field of the job that names it
 * @throws ModelError when the file cannot be read or is longer than `maxBytes`; ReadError when another attempt may read it
 */
export async function readModelFile(
  path: string,
  maxBytes: number,
  setting = 'teacher.model.uri',
): Promise<Uint8Array> {
  return readRegular({ path, modelPath: path, setting }, maxBytes, 'a model file', null);
}

/**
 * A file that the model names, from the model's folder.
 * @param modelPath the model file itself
 * @param name as the model writes it: a relative path with forward slashes
 * @param maxBytes longest file that is read
 * @throws ModelError when the name or a link leaves the folder, or the file cannot be read; ReadError as above
 */
export async function readBeside(modelPath: string, name: string, maxBytes: number): Promise<Uint8Array> {
  const parts = name.split('/').filter((part) => part !== '' && part !== '.');
  if (name.startsWith('/') || parts.length === 0 || /[\\\0]/.test(name) || parts.includes('..')) {
    throw new ModelError({
      path: modelPath,
      found: `weights in a file named ${shownName(name)}`,
      expected: "a relative path inside the model's folder",
      remedy: 'save the model again with its weights beside it',
    });
  }
  const path = join(dirname(modelPath), ...parts);
  const remedy = `copy ${shownName(name)} into the folder of the model`;
  const target = await realpath(path).catch((cause: unknown) => {
    throw unreadable({ path, modelPath }, cause, 'the file of weights that the model names', remedy);
  });
  const folders = await Promise.all([realpath(dirname(modelPath)), realpath(modelPath).then(dirname)]);
  if (!folders.some((folder) => target.startsWith(folder.endsWith(sep) ? folder : folder + sep))) {
    throw new ModelError({
      path: modelPath,
      found: `weights in ${shownName(name)}, a link that leads out of the model's folder`,
      expected: "a file inside the model's folder",
      remedy,
    });
  }
  return readRegular({ path: target, modelPath }, maxBytes, 'the file of weights that the model names', remedy);
}

/** A file of a model, and the field of the job that names it. */
interface Asked {
  readonly path: string;
  readonly modelPath: string;
  readonly setting?: string;
}

/** @param remedy null = what the fault of the file itself suggests */
async function readRegular(asked: Asked, maxBytes: number, what: string, remedy: string | null): Promise<Uint8Array> {
  let file: FileHandle;
  try {
    file = await openRegular(asked.path);
  } catch (cause) {
    throw unreadable(asked, cause, what, remedy);
  }
  try {
    const { size } = await file.stat();
    if (size > maxBytes) {
      const sizes = [`a file of ${String(size)} bytes`, `at most ${String(maxBytes)}`] as const;
      throw refused(asked, ...sizes, remedy ?? 'export a smaller model');
    }
    return await readWhole(file, size);
  } catch (cause) {
    if (cause instanceof ModelError) throw cause;
    throw unreadable(asked, cause, what, remedy);
  } finally {
    await file.close();
  }
}

/** At most `size` bytes; fewer when the file was cut meanwhile. */
async function readWhole(file: FileHandle, size: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(size);
  let done = 0;
  while (done < size) {
    const { bytesRead } = await file.read(bytes, done, Math.min(readBytes, size - done), done);
    if (bytesRead === 0) break;
    done += bytesRead;
  }
  return bytes.subarray(0, done);
}

/** A ReadError where the disk or the network may recover before another attempt. */
function unreadable(asked: Asked, cause: unknown, what: string, remedy: string | null): ModelError | ReadError {
  const { path, setting = 'teacher.model.uri' } = asked;
  const fault = readFaultOf(cause, path);
  if (fault.passes) {
    return new ReadError(
      { about: `model ${path}`, found: fault.found, expected: what, remedy: fault.remedy },
      { cause },
    );
  }
  return refused(asked, fault.found, what, remedy ?? `${fault.remedy} (${setting})`, cause);
}

function refused(
  { path, modelPath }: Asked,
  found: string,
  expected: string,
  remedy: string,
  cause?: unknown,
): ModelError {
  const there = path === modelPath ? '' : ` at ${path}`;
  return new ModelError({ path: modelPath, found: found + there, expected, remedy }, { cause });
}

const maxNameShown = 100;

/** A name out of a model file, safe to print. */
function shownName(name: string): string {
  return JSON.stringify(name.length <= maxNameShown ? name : `${name.slice(0, maxNameShown)}…`);
}
