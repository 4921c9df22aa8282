/**
 * Where a value does not fit the schema: types, required fields, enums, bounds and patterns, in the order of the value's
 * own checks before those of what is below it. A walk over schema and value: a library would first compile the schema,
 * which takes longer than the rest of a command.
 */
import { isFields, joinPath } from './schema.js';
import type { Fields, Schema } from './schema.js';

/** One keyword of the schema that a value does not fulfill. */
export interface Violation {
  readonly keyword: Keyword;
  /** Of the value; of the missing field for `required`. */
  readonly path: string;
  /** That has the keyword. */
  readonly schema: Schema;
  /** That has the value, or lacks the field. */
  readonly value: unknown;
  /** What `required` misses, or the bound; empty for the other keywords. */
  readonly detail: string;
}

export type Keyword =
  | 'type'
  | 'enum'
  | 'minimum'
  | 'exclusiveMinimum'
  | 'maximum'
  | 'minLength'
  | 'maxLength'
  | 'pattern'
  | 'minItems'
  | 'maxItems'
  | 'required';

/** @returns all violations; a value of a wrong type has no other */
export function violationsOf(schema: Schema, value: unknown, path = ''): Violation[] {
  const at = (keyword: Keyword, detail: unknown = ''): Violation => ({
    ...{ keyword, path, schema, value },
    detail: String(detail),
  });
  if (!hasType(schema, value)) return [at('type')];
  return [
    ...brokenBounds(schema, value).map(([keyword, bound]) => at(keyword, bound)),
    ...(schema.enum?.includes(value as never) === false ? [at('enum')] : []),
    ...below(schema, value, path),
  ];
}

function hasType({ type, 'x-kubernetes-int-or-string': isAmount }: Schema, value: unknown): boolean {
  if (isAmount === true) return Number.isInteger(value) || typeof value === 'string';
  if (type === undefined) return true;
  switch (type) {
    case 'object':
      return isFields(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return Number.isInteger(value);
    case 'number':
      return Number.isFinite(value);
    case 'string':
    case 'boolean':
      return typeof value === type;
  }
}

/** Keywords with the bounds that a value exceeds, or the pattern that a text does not fit. */
function brokenBounds(schema: Schema, value: unknown): (readonly [Keyword, unknown])[] {
  const { minimum, maximum, minLength, maxLength, minItems, maxItems, pattern } = schema;
  const broken: (readonly [Keyword, unknown])[] = [];
  if (typeof value === 'number') {
    if (maximum !== undefined && value > maximum) broken.push(['maximum', maximum]);
    if (minimum !== undefined && schema.exclusiveMinimum === true) {
      if (value <= minimum) broken.push(['exclusiveMinimum', minimum]);
    } else if (minimum !== undefined && value < minimum) broken.push(['minimum', minimum]);
  } else if (typeof value === 'string') {
    if (maxLength !== undefined && charactersIn(value, maxLength) > maxLength) broken.push(['maxLength', maxLength]);
    if (minLength !== undefined && charactersIn(value, minLength) < minLength) broken.push(['minLength', minLength]);
    if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) broken.push(['pattern', pattern]);
  } else if (Array.isArray(value)) {
    if (maxItems !== undefined && value.length > maxItems) broken.push(['maxItems', maxItems]);
    if (minItems !== undefined && value.length < minItems) broken.push(['minItems', minItems]);
  }
  return broken;
}

/** Code points of a text, as the API server counts them; of one with more than `enough`, only that it has more. */
function charactersIn(text: string, enough: number): number {
  if (text.length > 2 * enough) return enough + 1;
  return Array.from(text).length;
}

function below(schema: Schema, value: unknown, path: string): Violation[] {
  const { items } = schema;
  if (Array.isArray(value)) {
    if (items === undefined) return [];
    return value.flatMap((item, index) => violationsOf(items, item, `${path}[${String(index)}]`));
  }
  return isFields(value) ? inFields(schema, value, path) : [];
}

/** Missing fields, then fields with any name, then those that the schema names, in its order. */
function inFields(schema: Schema, value: Fields, path: string): Violation[] {
  const { properties = {}, additionalProperties: others, required = [] } = schema;
  const missing = required
    .filter((name) => value[name] === undefined)
    .map((name) => ({ keyword: 'required' as const, path: joinPath(path, name), schema, value, detail: name }));
  const unnamed = others === undefined ? [] : Object.keys(value).filter((name) => !Object.hasOwn(properties, name));
  return [
    ...missing,
    ...unnamed.flatMap((name) => violationsOf(others ?? {}, value[name], joinPath(path, name))),
    ...Object.entries(properties)
      .filter(([name]) => value[name] !== undefined)
      .flatMap(([name, field]) => violationsOf(field, value[name], joinPath(path, name))),
  ];
}
