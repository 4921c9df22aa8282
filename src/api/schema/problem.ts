/**
 * One thing that is wrong with a job, as a fault at a path; and the text that
 * `distill validate` prints. Every check of this room answers with these, never with a throw.
 */
import { alternatives, count, type FaultOf, printable, problemOf, sentenceOf, withoutLogins } from '@distillery/base';

import { isFields } from './schema.js';
import type { Schema } from './schema.js';

/** Where in the source text a problem stands; both from 1. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

export interface Problem {
  /** Field path such as `spec.teacher.pools[0].maxReplicas`; empty for the document as a whole. */
  readonly path: string;
  readonly fault: FaultOf;
  /** Path and fault as one sentence. */
  readonly message: string;
  /** The text's name as the caller gave it, and the position in it; absent for objects that never were text. */
  readonly source?: string;
  readonly position?: Position;
  /** The value is no text where one is expected: how the text of the job writes it shows what to quote. */
  readonly expectsText?: true;
}

/** A value that is not what its field takes. */
export function mismatch(path: string, found: string, expected: string, remedy: string): Problem {
  return problemAt(path, { found, expected, remedy });
}

/** A value that breaks a rule. @param clause the rule, as a clause after "but": `the student has no such pool` */
export function violation(path: string, found: string, clause: string, remedy: string): Problem {
  return problemAt(path, { problem: `found ${found}, but ${clause}`, remedy });
}

/** A value that is no text where one is expected. */
export function noText(path: string, value: unknown): Problem {
  const remedy = isPlain(value) ? quoteRemedy(String(value)) : 'write a text';
  return { ...mismatch(path, nameValue(value), 'a text', remedy), expectsText: true };
}

/** Longest word that is quoted back: no word that YAML takes for another value is longer, except a number. */
const longestWord = 40;

/**
 * A problem with the value as the job's text writes it: YAML reads `y` as true, `1.10` as 1.1 and `~` as nothing.
 * @param written the scalar at the problem's path
 */
export function asWritten(problem: Problem, written: { readonly value: unknown; readonly source: string }): Problem {
  const { source, value } = written;
  const isWord = problem.expectsText === true && (value === null || isPlain(value)) && source !== '';
  if (!isWord || source.length > longestWord) return problem;
  const read = value === null ? 'nothing' : String(value);
  const found = source === read ? read : `${read}, which is how YAML reads ${source} without quotes`;
  return { ...problem, ...problemAt(problem.path, { found, expected: 'a text', remedy: quoteRemedy(source) }) };
}

function isPlain(value: unknown): value is number | boolean {
  return typeof value === 'number' || typeof value === 'boolean';
}

function quoteRemedy(word: string): string {
  return `put it in quotes: ${JSON.stringify(word)}`;
}

/** A value that the API promises and this version does not build yet. */
export function notSupported(path: string, found: string, remedy: string): Problem {
  return problemAt(path, { problem: `${found} is not supported yet`, remedy });
}

/** Moves a problem into an outer object, of which the checked object is a part. */
export function within(parent: string, problem: Problem): Problem {
  const path = problem.path === '' ? parent : `${parent}.${problem.path}`;
  return { ...problem, ...problemAt(path, problem.fault) };
}

/** A fault that another package found in the value of a field. */
export function problemAt(path: string, fault: FaultOf): Problem {
  return { path, fault, message: sentenceOf({ ...fault, about: path === '' ? 'the document' : path }) };
}

const longestQuote = 60;

/** Describes a value for a person: `"abc"`, `0`, `a list of 3`, `an object`. Logins in URLs are removed. */
export function nameValue(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (typeof value === 'string') {
    // Redact before the text is shortened, which might cut off the @.
    const shown = withoutLogins(value);
    return shown.length > longestQuote
      ? `${JSON.stringify(shown.slice(0, longestQuote))}… (${String(value.length)} characters)`
      : JSON.stringify(shown);
  }
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : `a list of ${String(value.length)}`;
  if (isFields(value)) return Object.keys(value).length === 0 ? 'an empty object' : 'an object';
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : `a ${typeof value}`;
}

/** Describes the values that a schema node accepts: `a whole number from 1 to 65536`. */
export function nameSchema(schema: Schema): string {
  if (schema.enum !== undefined) return alternatives(schema.enum.map(String));
  if (schema['x-kubernetes-int-or-string'] === true) {
    const most = schema.maximum === undefined ? '' : ` of at most ${String(schema.maximum / 2 ** 40)}Ti`;
    return `an amount such as 2Gi${most}`;
  }
  switch (schema.type) {
    case 'integer':
      return `a whole number${range(schema)}`;
    case 'number':
      return `a number${range(schema)}`;
    case 'boolean':
      return 'true or false';
    case 'array':
      return 'a list';
    case 'object':
      return 'an object';
    default:
      return 'a text';
  }
}

function range({ minimum, maximum, exclusiveMinimum }: Schema): string {
  const most = maximum === undefined ? '' : String(maximum);
  if (minimum === undefined) return most === '' ? '' : ` of at most ${most}`;
  if (exclusiveMinimum === true) return ` above ${String(minimum)}${most === '' ? '' : ` and at most ${most}`}`;
  return most === '' ? ` of at least ${String(minimum)}` : ` from ${String(minimum)} to ${most}`;
}

/** Formats problems for a person: paragraphs as below, in the order given, then their number. */
export function formatProblems(problems: readonly Problem[]): string {
  return `${problemParagraphs(problems)}\n${count(problems.length, 'problem')}\n`;
}

/**
 * A paragraph for each problem: `job.yaml:7:3: spec.training.batchSize`, then what was found and which rule it breaks, then
 * what to do.
 */
export function problemParagraphs(problems: readonly Problem[]): string {
  const paragraphs = problems.map(({ path, fault, source, position }) => {
    const origin =
      position === undefined ? source : `${source ?? ''}:${String(position.line)}:${String(position.column)}`;
    const head = [origin, path].filter((part) => part !== undefined && part !== '').join(': ');
    return `${head}\n  ${printable(problemOf(fault))}\n  ${printable(fault.remedy)}\n`;
  });
  return paragraphs.join('\n');
}
