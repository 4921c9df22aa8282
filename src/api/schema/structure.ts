/**
 * Structural validation: types, required fields, enums, bounds and patterns, by ajv on the CRD's own schema; and the
 * unique keys of lists, which JSON Schema cannot express. Run it after defaulting (defaults.ts) and the removal of unknown
 * fields (unknown.ts).
 */
import { nearest } from '@distillery/base';
import { Ajv } from 'ajv';
import type { ErrorObject, ValidateFunction } from 'ajv';

import { mismatch, nameSchema, nameValue, noText, violation } from './problem.js';
import type { Problem } from './problem.js';
import { isFields, joinPath, partsBelow } from './schema.js';
import type { Fields, Part, Schema } from './schema.js';

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

/** @returns a check of whole objects against `schema`. Compiling is slow, so it happens once, at first use. */
export function structureCheck(schema: Schema): (value: unknown) => StructureReport {
  let validate: ValidateFunction | undefined;
  return (value) => {
    validate ??= compile(schema);
    validate(value);
    const errors = validate.errors ?? [];
    const unreliable = errors
      .filter(({ keyword }) => keyword !== 'minItems' && keyword !== 'maxItems')
      .map((error) => errorPath(error, value));
    const wrongTypes = new Set(errors.filter(({ keyword }) => keyword === 'type').map((error) => error.instancePath));
    const relevant = errors.filter(({ keyword, instancePath }) => keyword === 'type' || !wrongTypes.has(instancePath));
    return {
      problems: [
        ...relevant.map((error) => toProblem(error, errorPath(error, value))),
        ...repeatedKeys({ path: '', schema, value }),
      ],
      unreliable,
    };
  };
}

function compile(schema: Schema): ValidateFunction {
  const ajv = new Ajv({ allErrors: true, verbose: true, strict: false, strictNumbers: true, validateFormats: false });
  return ajv.compile(toJsonSchema(schema));
}

/**
 * Translates OpenAPI v3 as Kubernetes writes it to JSON Schema draft 7, without rules (rules.ts) and defaults
 * (defaults.ts).
 */
function toJsonSchema(schema: Schema): Fields {
  const out: Fields = {};
  for (const keyword of ['enum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems', 'pattern'] as const) {
    if (schema[keyword] !== undefined) out[keyword] = schema[keyword];
  }
  if (schema.minimum !== undefined) {
    out[schema.exclusiveMinimum === true ? 'exclusiveMinimum' : 'minimum'] = schema.minimum;
  }
  if (schema['x-kubernetes-int-or-string'] === true) out.type = ['integer', 'string'];
  else if (schema.type !== undefined) out.type = schema.type;
  if (schema.required !== undefined) out.required = schema.required;
  if (schema.items !== undefined) out.items = toJsonSchema(schema.items);
  if (schema.additionalProperties !== undefined) out.additionalProperties = toJsonSchema(schema.additionalProperties);
  if (schema.properties !== undefined) {
    out.properties = Object.fromEntries(
      Object.entries(schema.properties).map(([name, field]) => [name, toJsonSchema(field)]),
    );
  }
  // Attaches our own schema node: ajv reports only its translation as the parent schema of an error.
  out.original = schema;
  return out;
}

function originalOf(error: ErrorObject): Schema {
  return (error.parentSchema?.original ?? {}) as Schema;
}

function errorPath(error: ErrorObject, root: unknown): string {
  let path = '';
  let at: unknown = root;
  for (const escaped of error.instancePath.split('/').slice(1)) {
    const name = escaped.replaceAll('~1', '/').replaceAll('~0', '~');
    path = Array.isArray(at) ? `${path}[${name}]` : joinPath(path, name);
    at = isFields(at) || Array.isArray(at) ? (at as Fields)[name] : undefined;
  }
  return error.keyword === 'required' ? joinPath(path, missingField(error)) : path;
}

function missingField(error: ErrorObject): string {
  return String((error.params as Fields).missingProperty);
}

function toProblem(error: ErrorObject, path: string): Problem {
  const schema = originalOf(error);
  const found = nameValue(error.data);
  const limit = String((error.params as Fields).limit);
  switch (error.keyword) {
    case 'required': {
      const field = schema.properties?.[missingField(error)] ?? {};
      const problem = mismatch(path, 'nothing', nameSchema(field), `add ${path}`);
      // A null counts as absent: YAML reads ~ and null so.
      return isText(field) ? { ...problem, expectsText: true } : problem;
    }
    case 'type':
      if (isText(schema) && (error.data === null || typeof error.data !== 'object')) return noText(path, error.data);
      return mismatch(path, found, nameSchema(schema), typeRemedy(error.data, schema));
    case 'enum': {
      const words = (schema.enum ?? []).filter((word) => typeof word === 'string');
      const meant = typeof error.data === 'string' ? nearest(error.data, words) : undefined;
      return mismatch(path, found, nameSchema(schema), meant === undefined ? 'choose one of them' : `write ${meant}`);
    }
    case 'minimum':
      return mismatch(path, found, nameSchema(schema), `raise it to at least ${limit}`);
    case 'exclusiveMinimum':
      return mismatch(path, found, nameSchema(schema), `raise it above ${limit}`);
    case 'maximum':
      return mismatch(path, found, nameSchema(schema), maximumRemedy(schema, limit));
    case 'minLength':
      return mismatch(path, found, 'a text that is not empty', 'write it');
    case 'maxLength':
      return mismatch(path, found, `at most ${limit} characters`, 'shorten it');
    case 'minItems':
      return mismatch(path, found, `at least ${limit} in the list`, 'add one or leave the field out');
    case 'maxItems':
      return mismatch(path, found, `at most ${limit} in the list`, 'take some out');
    case 'pattern': {
      const pattern = schema.pattern ?? '';
      const words = patternWords.get(pattern) ?? { expected: `a text that fits ${pattern}`, remedy: 'change it' };
      return mismatch(path, found, words.expected, words.remedy);
    }
    default:
      return mismatch(path, found, nameSchema(schema), `see docs/reference/api.md (${error.keyword})`);
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
