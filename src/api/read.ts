/**
 * Reads the text of a file as `kubectl apply` takes it: each job is resolved, or has all of its problems with their lines.
 * A file may hold several documents and lists; objects of other kinds are named and otherwise ignored.
 */
import { checkJob } from './check.js';
import type { Checked } from './check.js';
import { apiGroup, kind } from './words/index.js';
import {
  type Fields,
  isFields,
  mismatch,
  nameValue,
  type Problem,
  readSource,
  type SourceDocument,
  type SourceOptions,
  violation,
  within,
} from './schema/index.js';

export interface ReadOptions extends SourceOptions {
  /** Suffix of a name that is made from `metadata.generateName`. */
  readonly nameSuffix?: string;
}

/** An object that a text holds. */
export type ReadObject =
  | { readonly kind: 'Job'; readonly checked: Checked; readonly locate: (problems: readonly Problem[]) => Problem[] }
  /** `title`: its kind and name, as `Namespace team-a`. */
  | { readonly kind: 'Other'; readonly title: string };

export type ReadObjects =
  | { readonly ok: true; readonly objects: readonly ReadObject[] }
  /** The text cannot be read, or holds no job. */
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Length to which the API server shortens a prefix before it appends five characters. */
const longestPrefix = 58;
const placeholder = 'xxxxx';

/** Reads every object of a text, in its order. */
export function readObjects(text: string, options: ReadOptions): ReadObjects {
  const source = readSource(text, options);
  if (!source.ok) return source;
  const written = source.documents.flatMap(objectsIn);
  const only = written.length === 1;
  if (!only && !written.some(({ value }) => isJob(value))) {
    const [first] = written;
    const titles = written.map(({ value }) => titleOf(value));
    const problem = mismatch('', titles.length === 0 ? 'an empty list' : titles.join(', '), kind, `add a ${kind}`);
    return { ok: false, problems: first?.locate([problem]) ?? [{ ...problem, source: options.sourceName }] };
  }
  const names = new Set<string>();
  const objects = written.map((object): ReadObject => {
    if (!only && !isJob(object.value)) return { kind: 'Other', title: titleOf(object.value) };
    return read(object, options, names);
  });
  return { ok: true, objects };
}

/** Reads a text that must hold exactly one job; it may also hold objects of other kinds. */
export function readJob(text: string, options: ReadOptions): Checked {
  const read = readObjects(text, options);
  if (!read.ok) return read;
  const [job, second] = read.objects.filter((object) => object.kind === 'Job');
  if (job !== undefined && second === undefined) return job.checked;
  const found = `${String(read.objects.filter((object) => object.kind === 'Job').length)} DistillJobs`;
  const problem = mismatch('', found, 'one', 'put each job into its own file');
  return { ok: false, problems: second?.locate([problem]) ?? [{ ...problem, source: options.sourceName }] };
}

/** Adds lines and columns to problems that were found in the one job of a text, such as those of `unsupported`. */
export function locateProblems(problems: readonly Problem[], text: string, options: SourceOptions): Problem[] {
  const read = readObjects(text, options);
  const job = read.ok ? read.objects.find((object) => object.kind === 'Job') : undefined;
  return job?.locate(problems) ?? [...problems];
}

/** A document, or an item of a list in one. */
interface Written {
  readonly value: unknown;
  readonly locate: (problems: readonly Problem[]) => Problem[];
}

function objectsIn({ value, locate }: SourceDocument): Written[] {
  if (!isFields(value) || !isList(value)) return [{ value, locate: (problems) => inTextOrder(locate(problems)) }];
  return value.items.map((item, index) => ({
    value: item,
    locate: (problems) => inTextOrder(locate(problems.map((problem) => within(`items[${String(index)}]`, problem)))),
  }));
}

function isList(value: Fields): value is Fields & { readonly items: readonly unknown[] } {
  return (value.kind === 'List' || value.kind === `${kind}List`) && Array.isArray(value.items);
}

function isJob(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { apiVersion } = value;
  return value.kind === kind || (typeof apiVersion === 'string' && apiVersion.startsWith(`${apiGroup}/`));
}

function titleOf(value: unknown): string {
  if (!isFields(value)) return nameValue(value);
  const name = isFields(value.metadata) ? value.metadata.name : undefined;
  const words = [value.kind, name].filter((word) => typeof word === 'string');
  return words.length === 0 ? 'an object without kind' : words.map((word) => nameValue(word).slice(1, -1)).join(' ');
}

function read({ value, locate }: Written, { nameSuffix = placeholder }: ReadOptions, names: Set<string>): ReadObject {
  const prefix = prefixIn(value);
  const named = prefix === undefined ? value : withName(value, `${prefix.slice(0, longestPrefix)}${nameSuffix}`);
  const checked = checkJob(named);
  if (!checked.ok) {
    const problems = prefix === undefined ? checked.problems : aboutPrefix(checked.problems, prefix);
    return { kind: 'Job', checked: { ok: false, problems: locate(problems) }, locate };
  }
  const { name, namespace = 'default' } = checked.job.metadata;
  const isRepeated = prefix === undefined && names.has(`${namespace}/${name}`);
  names.add(`${namespace}/${name}`);
  if (!isRepeated) return { kind: 'Job', checked, locate };
  const clause = 'an earlier job of the file has this name in the same namespace';
  const problem = violation('metadata.name', nameValue(name), clause, 'choose another or remove one of the two');
  return { kind: 'Job', checked: { ok: false, problems: locate([problem]) }, locate };
}

/** The prefix from which the API server makes a name; undefined for an object with a name. */
function prefixIn(value: unknown): string | undefined {
  if (!isFields(value) || !isFields(value.metadata)) return undefined;
  const { name, generateName } = value.metadata;
  const isNamed = name !== undefined && name !== null && name !== '';
  return isNamed || typeof generateName !== 'string' || generateName === '' ? undefined : generateName;
}

function withName(value: unknown, name: string): unknown {
  return isFields(value) && isFields(value.metadata) ? { ...value, metadata: { ...value.metadata, name } } : value;
}

/** Moves problems of a generated name to the prefix, which is what the user wrote. */
function aboutPrefix(problems: readonly Problem[], prefix: string): Problem[] {
  return problems.map((problem) =>
    problem.path === 'metadata.name'
      ? violation(
          'metadata.generateName',
          nameValue(prefix),
          'a name that begins so must be lower-case letters, digits and dashes, with a letter or digit at its start',
          'choose a prefix such as mnist-',
        )
      : problem,
  );
}

function inTextOrder(problems: readonly Problem[]): Problem[] {
  return problems.toSorted(
    ({ position: a }, { position: b }) => (a?.line ?? 0) - (b?.line ?? 0) || (a?.column ?? 0) - (b?.column ?? 0),
  );
}
