/**
 * Structural validation: what of a value does not fit the CRD's own schema (violations.ts), in words; and the unique keys
 * of lists. Run it after defaulting (defaults.ts) and the removal of unknown fields (unknown.ts).
 */
import { nearest } from '@distillery/base';

import { mismatch, nameSchema, nameValue, noText, violation } from './problem.js';
import type { Problem } from './problem.js';
import { isFields, joinPath, partsBelow } from './schema.js';
import type { Part, Schema } from './schema.js';
import { type Violation, violationsOf } from './violations.js';

/** What each pattern of the CRD requires, in words; a pattern without an entry is shown as it is. */
export const patternWords: ReadonlyMap<string, { readonly expected: string; readonly remedy: string }> = new Map([
  [
    '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
    {
      expected: 'lower-case letters, digits and dashes, with a letter or digit at both ends',
      remedy: 'choose a name such as gpu-1',
    },
  ],
  [
    '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$',
    {
      expected: 'lower-case letters, digits, dashes and dots, with a letter or digit at both ends',
      remedy: 'write the name of the object as kubectl shows it',
    },
  ],
  [
    '^[A-Za-z0-9_.*/-]+$',
    {
      expected: 'the name of a layer, where * stands for any characters',
      remedy: 'write it as `distill models` or the model.json shows it, such as conv1 or block*',
    },
  ],
  [
    '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9._]*[A-Za-z0-9])?$',
    {
      expected: 'an extended resource as a node lists it',
      remedy: 'write for example nvidia.com/gpu, or leave it out for teachers on the CPU',
    },
  ],
  [
    '^[a-z0-9]([-a-z0-9.]*[a-z0-9])?/[A-Za-z0-9]([-A-Za-z0-9._/]*[A-Za-z0-9])?$',
    {
      expected: 'the name of a controller: a domain, a slash and a path',
      remedy: 'write for example kueue.x-k8s.io/multikueue, or leave it out for this operator',
    },
  ],
  [
    '^[1-9][0-9]{0,14}([KMGT]i|[kMGT])?$',
    { expected: 'an amount such as 2Gi', remedy: 'write a whole number with Ki, Mi, Gi, Ti, k, M, G, T or none' },
  ],
  [
    '^[A-Za-z_][A-Za-z0-9_.-]*$',
    {
      expected: 'a letter or _, then letters, digits, _, . and -',
      remedy: 'choose a name such as image, and name the column in columns',
    },
  ],
]);

export interface StructureReport {
  readonly problems: readonly Problem[];
  /** Paths of missing or wrong values: a rule that reads them cannot be evaluated, and would only repeat the problem. */
  readonly unreliable: readonly string[];
}

/** Checks a whole object. */
export function checkStructure(schema: Schema, value: unknown): StructureReport {
  const violations = violationsOf(schema, value);
  return {
    problems: [...violations.map(toProblem), ...repeatedKeys({ path: '', schema, value })],
    unreliable: violations
      .filter(({ keyword }) => keyword !== 'minItems' && keyword !== 'maxItems')
      .map(({ path }) => path),
  };
}

function toProblem({ keyword, path, schema, value, detail }: Violation): Problem {
  const found = nameValue(value);
  switch (keyword) {
    case 'required': {
      const field = schema.properties?.[detail] ?? {};
      const problem = mismatch(path, 'nothing', nameSchema(field), `add ${path}`);
      // A null counts as absent: YAML reads ~ and null so.
      return isText(field) ? { ...problem, expectsText: true } : problem;
    }
    case 'type':
      if (isText(schema) && (value === null || typeof value !== 'object')) return noText(path, value);
      return mismatch(path, found, nameSchema(schema), typeRemedy(value, schema));
    case 'enum': {
      const words = (schema.enum ?? []).filter((word) => typeof word === 'string');
      const meant = typeof value === 'string' ? nearest(value, words) : undefined;
      return mismatch(path, found, nameSchema(schema), meant === undefined ? 'choose one of them' : `write ${meant}`);
    }
    case 'minimum':
      return mismatch(path, found, nameSchema(schema), `raise it to at least ${detail}`);
    case 'exclusiveMinimum':
      return mismatch(path, found, nameSchema(schema), `raise it above ${detail}`);
    case 'maximum':
      return mismatch(path, found, nameSchema(schema), maximumRemedy(schema, detail));
    case 'minLength':
      return mismatch(path, found, 'a text that is not empty', 'write it');
    case 'maxLength':
      return mismatch(path, found, `at most ${detail} characters`, 'shorten it');
    case 'minItems':
      return mismatch(path, found, `at least ${detail} in the list`, 'add one or leave the field out');
    case 'maxItems':
      return mismatch(path, found, `at most ${detail} in the list`, 'take some out');
    case 'pattern': {
      const pattern = schema.pattern ?? '';
      const words = patternWords.get(pattern) ?? { expected: `a text that fits ${pattern}`, remedy: 'change it' };
      return mismatch(path, found, words.expected, words.remedy);
    }
  }
}

/** Whether any text fits, or those of a pattern. */
function isText({ type, enum: words, 'x-kubernetes-int-or-string': isAmount }: Schema): boolean {
  return type === 'string' && words === undefined && isAmount !== true;
}

function maximumRemedy(schema: Schema, limit: string): string {
  return schema['x-kubernetes-int-or-string'] === true ? 'lower it' : `lower it to at most ${limit}`;
}

function typeRemedy(value: unknown, schema: Schema): string {
  if (typeof value === 'string') {
    const plain = plainValue(value, schema);
    if (plain !== undefined) return value === plain ? `write ${plain} without quotes or tag` : `write ${plain}`;
  }
  if (schema.type === 'integer' && typeof value === 'number' && Number.isFinite(value)) {
    return `write ${String(Math.trunc(value))} or ${String(Math.trunc(value) + 1)}`;
  }
  if (schema.enum !== undefined) return 'choose one of them';
  if (schema.type === 'array') return 'start each entry with a dash';
  if (schema.type === 'object') {
    const fields = [...(schema.required ?? Object.keys(schema.properties ?? {}))].slice(0, 3);
    return fields.length === 0 ? 'write fields below it' : `write fields below it, such as ${fields.join(', ')}`;
  }
  return `write ${nameSchema(schema)}`;
}

/** The number or truth value that a text was meant to be, as YAML writes it; undefined for other texts. */
function plainValue(text: string, { type }: Schema): string | undefined {
  if (type === 'boolean') return text === 'true' || text === 'false' ? text : undefined;
  if ((type !== 'integer' && type !== 'number') || text.trim() === '' || text.length > longestNumber) return undefined;
  const number = Number(text);
  const isMeant = type === 'integer' ? Number.isSafeInteger(number) : Number.isFinite(number);
  return isMeant ? String(number) : undefined;
}

const longestNumber = 40;

/** Items of a map list that repeat the key of an earlier one. */
function repeatedKeys(part: Part): Problem[] {
  const below = partsBelow(part);
  const problems = below.flatMap(repeatedKeys);
  const keys = part.schema['x-kubernetes-list-map-keys'];
  if (keys === undefined) return problems;
  const seen = new Set<string>();
  for (const { path, value } of below) {
    if (!isFields(value)) continue;
    const key = JSON.stringify(keys.map((name) => value[name]));
    if (seen.has(key)) {
      const [name = ''] = keys;
      const clause = `every entry of the list needs its own ${name}`;
      problems.push(violation(joinPath(path, name), nameValue(value[name]), clause, 'choose another or merge the two'));
    }
    seen.add(key);
  }
  return problems;
}
