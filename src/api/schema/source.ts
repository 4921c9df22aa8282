/**
 * Parses YAML text into plain values, one per document, as kubectl reads it (YAML 1.1 booleans such as `yes`, merge keys),
 * and finds the line and column of a field path.
 */
import { isAlias, isMap, isNode, isScalar, isSeq, LineCounter, parseAllDocuments } from 'yaml';
import type { Document, Tags, YAMLError } from 'yaml';

import { asWritten, mismatch } from './problem.js';
import type { Position, Problem } from './problem.js';
import { pathParts } from './schema.js';

export interface SourceOptions {
  /** Name of the text in messages: the file's name as the user gave it. */
  readonly sourceName: string;
}

/** One document of a text. */
export interface SourceDocument {
  /** The plain value of the document. */
  readonly value: unknown;
  /** Adds to each problem the text's name and the place of its field, or of the nearest existing field above it. */
  readonly locate: (problems: readonly Problem[]) => Problem[];
}

export type Source =
  | { readonly ok: true; readonly documents: readonly SourceDocument[] }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** YAML types as kubectl's parser has them: dates and times of day stay text, the rarer collections are unknown. */
function isForeign(tag: Exclude<Tags[number], string>): boolean {
  if (Array.isArray(tag)) return false;
  return tag.format === 'TIME' || /:(timestamp|binary|omap|pairs|set)$/.test(tag.tag);
}

/** @returns the documents that are not empty, at least one; or why the text cannot be read */
export function readSource(text: string, { sourceName }: SourceOptions): Source {
  const lines = new LineCounter();
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const failed = (problem: Problem, position?: Position): Source => {
    return {
      ok: false,
      problems: [{ ...problem, source: sourceName, ...(position === undefined ? {} : { position }) }],
    };
  };
  const parsed = attempt(() => parse(text, lines));
  if (!parsed.ok) return failed(tooTangled(parsed.thrown));
  const written = parsed.result.filter(({ contents, errors }) => !isEmpty(contents) || errors.length > 0);
  if (written.length === 0) {
    return failed(mismatch('', 'no document', 'one DistillJob', 'write apiVersion, kind, metadata and spec'));
  }
  const [error] = written.flatMap(({ errors }) => errors);
  if (error !== undefined) {
    return failed(syntaxProblem(error), positionAt(error.pos[0]));
  }
  const documents: SourceDocument[] = [];
  for (const document of written) {
    const read = attempt(() => {
      const value: unknown = document.toJS({ maxAliasCount: 100 });
      return value;
    });
    if (!read.ok) return failed(tooTangled(read.thrown));
    if (!attempt(() => JSON.stringify(read.result)).ok) {
      const found = 'an anchor that contains itself, or nesting beyond all depth';
      return failed(mismatch('', found, 'plain values', 'write aliases and nesting out'));
    }
    documents.push({
      value: read.result,
      locate: (problems) =>
        problems.map((problem) => {
          const { node, offset } = nodeAt(document, problem.path);
          const { source } = isScalar(node) ? node : {};
          const named =
            source === undefined || !isScalar(node) ? problem : asWritten(problem, { value: node.value, source });
          return { ...named, source: sourceName, position: positionAt(offset) };
        }),
    });
  }
  return { ok: true, documents };
}

function parse(text: string, lineCounter: LineCounter): readonly Document.Parsed[] {
  return [
    ...parseAllDocuments(text, {
      lineCounter,
      schema: 'yaml-1.1',
      merge: true,
      prettyErrors: false,
      logLevel: 'silent',
      resolveKnownTags: false,
      customTags: (tags) => tags.filter((tag) => typeof tag === 'string' || !isForeign(tag)),
    }),
  ];
}

/** The likely mistake of the user, by the parser's own error code. */
const slips: Readonly<Partial<Record<YAMLError['code'], { readonly found?: string; readonly remedy: string }>>> = {
  DUPLICATE_KEY: { found: 'a field that is given twice', remedy: 'remove one of the two' },
  TAB_AS_INDENT: { found: 'a tab as indentation', remedy: 'indent with spaces' },
  BAD_INDENT: { remedy: 'indent the fields of one object alike, and close every bracket' },
  MISSING_CHAR: { remedy: 'close the bracket or quote, perhaps on a line above' },
};

function syntaxProblem({ code, message }: YAMLError): Problem {
  const slip = slips[code];
  const found = slip?.found ?? `text that is not YAML (${message.replaceAll(/\s+/g, ' ')})`;
  return mismatch('', found, 'one YAML or JSON object', slip?.remedy ?? 'correct the line, or the one above it');
}

/** True for a document that holds comments only: a `---` at the end of a file makes one. */
function isEmpty(contents: unknown): boolean {
  return contents === null || (isScalar(contents) && contents.value === null && (contents.source ?? '') === '');
}

/**
 * The value of the field that a path names, and its offset (of the key in a map, of the entry in a list); of a field that
 * is absent the offset of its deepest existing ancestor, and no value.
 */
function nodeAt(document: Document, path: string): { readonly node: unknown; readonly offset: number } {
  let node: unknown = document.contents;
  let offset = isNode(node) ? (node.range?.[0] ?? 0) : 0;
  for (const part of pathParts(path)) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === part);
      if (pair === undefined) return { node: undefined, offset };
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      const item: unknown = node.items[Number(part)];
      if (!isNode(item)) return { node: undefined, offset };
      offset = item.range?.[0] ?? offset;
      node = item;
    } else return { node: undefined, offset };
  }
  return { node: isAlias(node) ? node.resolve(document) : node, offset };
}

type Attempt<T> = { readonly ok: true; readonly result: T } | { readonly ok: false; readonly thrown: unknown };

function attempt<T>(work: () => T): Attempt<T> {
  try {
    return { ok: true, result: work() };
  } catch (thrown) {
    return { ok: false, thrown };
  }
}

/**
 * Converts a document. Fails for aliases that point nowhere, to themselves or multiply without end, and for nesting deeper
 * than the stack.
 */
function tooTangled(thrown: unknown): Problem {
  const [firstLine = ''] = (thrown instanceof Error ? thrown.message : String(thrown)).split('\n');
  return mismatch('', `YAML that cannot be resolved (${firstLine})`, 'plain values', 'write aliases and nesting out');
}
