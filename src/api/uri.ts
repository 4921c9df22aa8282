/**
 * Reads the uris and stores of a job (data sets, models, results), by the grammar of packages/protocol/src/uri.ts, and checks
 * what a preset student is asked for.
 */
import { statementOf } from '@distillery/base';
import { choosePreset, PresetError } from '@distillery/presets';
import { readStore, readStudentModelUri, readUri } from '@distillery/protocol';
import type { PresetUri, Read, Store, Uri, UriScheme } from '@distillery/protocol';

import { isFields, nameValue, type Problem, problemAt, violation } from './schema/index.js';

/** @returns the scheme of a validated data set's or model's uri; undefined for a text of another form. */
export function uriScheme(uri: string): UriScheme | undefined {
  return valueOf(readUri(uri))?.scheme;
}

/** @returns true for a `file://PATH` whose path is absolute. */
export function isAbsoluteFile(uri: string): boolean {
  const read = valueOf(readUri(uri));
  return read?.scheme === 'file' && read.path.startsWith('/');
}

/** @returns true for an `https://HOST/PATH/`, which names a folder. */
export function isWebFolder(uri: string): boolean {
  const read = valueOf(readUri(uri));
  return read?.scheme === 'https' && read.path.endsWith('/');
}

export interface RemotePlace {
  /** TCP port that a worker connects to; null for a bucket, whose endpoint the job does not name. */
  readonly port: number | null;
}

const httpsPort = 443;

/** @returns the place that a validated `https://` or `s3://` uri names; undefined for any other text. */
export function remotePlace(uri: string): RemotePlace | undefined {
  const read = valueOf(readUri(uri));
  switch (read?.scheme) {
    case 'https':
      return { port: Number(/:(\d+)$/.exec(read.host)?.[1] ?? httpsPort) };
    case 's3':
      return { port: null };
    default:
      return undefined;
  }
}

export type StoreKind = 'nats' | 'file' | 'pvc' | 's3';

/** @returns what kind of place a validated `store` names; undefined for a text of another form. */
export function storeKind(store: string): StoreKind | undefined {
  const read = valueOf(readStore(store));
  if (read?.kind !== 'place') return read?.kind;
  const { scheme } = read.uri;
  return scheme === 'pvc' || scheme === 's3' ? scheme : undefined;
}

/** A place in a PersistentVolumeClaim. */
export interface ClaimPlace {
  readonly claim: string;
  /** Decoded, from the volume's root, without slashes at its ends; empty = the root itself. */
  readonly path: string;
}

/** @returns the place that a validated `pvc://CLAIM/PATH` names, uri or store; undefined for any other text. */
export function claimPlace(text: string): ClaimPlace | undefined {
  const uri = valueOf(readUri(text));
  return uri?.scheme === 'pvc' ? { claim: uri.claim, path: uri.path } : undefined;
}

export interface ConfigMapPlace {
  readonly name: string;
  readonly key: string;
}

/** @returns the file that a validated `configmap://NAME/KEY` names; undefined for any other text. */
export function configMapPlace(uri: string): ConfigMapPlace | undefined {
  const read = valueOf(readUri(uri));
  return read?.scheme === 'configmap' ? { name: read.name, key: read.key } : undefined;
}

const readers: Readonly<Record<string, (text: string) => Read<Uri | PresetUri | Store>>> = {
  'spec.dataset.uri': readUri,
  'spec.teacher.model.uri': readUri,
  'spec.teacher.tokenizer.uri': readUri,
  'spec.teacher.ensemble.members[].model.uri': readUri,
  'spec.teacher.ensemble.members[].tokenizer.uri': readUri,
  'spec.student.model.uri': readStudentModelUri,
  'spec.student.model.weights.uri': readUri,
  'spec.student.tokenizer.uri': readUri,
  'spec.student.checkpoint.store': readStore,
  'spec.student.output.store': readStore,
};

/**
 * Checks the uris and stores of a value that need not be a job, by the whole grammar; the CRD's rules cover only the part
 * that the API server can check.
 */
export function uriProblems(value: unknown): Problem[] {
  return Object.entries(readers).flatMap(([pattern, read]) =>
    valuesAt(value, pattern.split('.')).flatMap(({ path, value: text }) => {
      const result = typeof text === 'string' ? read(text) : undefined;
      if (result === undefined) return [];
      if (result.ok) return presetProblems(path, result.value);
      return [violation(path, nameValue(text), result.fault.clause, result.fault.remedy)];
    }),
  );
}

interface ValueAt {
  readonly path: string;
  readonly value: unknown;
}

/** What is at a path, of every item where a name of it ends in []: `members[]`. */
function valuesAt(value: unknown, names: readonly string[], path = ''): readonly ValueAt[] {
  const [name, ...rest] = names;
  if (name === undefined) return [{ path, value }];
  const field = name.replace('[]', '');
  const found = isFields(value) ? value[field] : undefined;
  const at = path === '' ? field : `${path}.${field}`;
  if (!name.endsWith('[]')) return valuesAt(found, rest, at);
  return Array.isArray(found) ? found.flatMap((item, index) => valuesAt(item, rest, `${at}[${String(index)}]`)) : [];
}

function presetProblems(path: string, place: Uri | PresetUri | Store): Problem[] {
  if (!('scheme' in place) || place.scheme !== 'preset') return [];
  try {
    choosePreset(place.name, place.parameters);
    return [];
  } catch (error) {
    if (!(error instanceof PresetError)) throw error;
    return [problemAt(path, { problem: statementOf(error.fault), remedy: error.fault.remedy })];
  }
}

function valueOf<T>(read: Read<T>): T | undefined {
  return read.ok ? read.value : undefined;
}
