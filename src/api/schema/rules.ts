/**
 * The CEL rules of the CRD (x-kubernetes-validations), each evaluated in its place, as the API server does: `self` is the
 * value there, `oldSelf` the same value of the stored object, correlated through fields and the keys of map lists. Rules
 * that read `oldSelf` are evaluated on updates only. Integers are CEL ints, numbers doubles, by the schema.
 */
import { Environment } from '@marcbachmann/cel-js';

import { nameValue, violation } from './problem.js';
import type { Problem } from './problem.js';
import { quantityValue } from './quantity.js';
import { fieldSchema, isFields, partsBelow } from './schema.js';
import type { Part, Rule, Schema } from './schema.js';

class Quantity {
  constructor(readonly amount: number) {}
}

/** The language as our rules use it: standard CEL and, of Kubernetes' libraries, `quantity(…).compareTo(…)`. */
const language = new Environment({ unlistedVariablesAreDyn: true, homogeneousAggregateLiterals: false })
  .registerType('kubernetes.Quantity', Quantity)
  .registerFunction('quantity(string): kubernetes.Quantity', (text: string) => new Quantity(quantityValue(text)))
  .registerFunction('kubernetes.Quantity.compareTo(kubernetes.Quantity): int', (a: Quantity, b: Quantity) =>
    BigInt(Math.sign(a.amount - b.amount)),
  );

type Judge = (variables: { self: unknown; oldSelf?: unknown }) => unknown;
const compiled = new Map<string, Judge>();

function judgeOf(rule: string): Judge {
  const known = compiled.get(rule);
  if (known !== undefined) return known;
  const judge: Judge = language.parse(rule);
  compiled.set(rule, judge);
  return judge;
}

/**
 * Evaluates the rules for a new object.
 * @param unreliable paths of missing or wrong values; rules that read them are left out
 */
export function brokenRules(root: Part, unreliable: readonly string[]): Problem[] {
  const below = partsBelow(root).flatMap((part) => brokenRules(part, unreliable));
  const own = rulesOf(root.schema)
    .filter((rule) => !isTransition(rule) && !reads(root.path, rule, unreliable))
    .filter((rule) => !holds(rule, { self: toCel(root.value, root.schema) }))
    .map((rule) => toProblem(root, rule));
  return [...own, ...below];
}

/** Evaluates only the rules that compare with the stored object. Both objects must be valid by themselves. */
export function brokenTransitions(next: Part, old: unknown): Problem[] {
  if (old === undefined) return [];
  const below = partsBelow(next).flatMap((part) => brokenTransitions(part, correlate(next, part, old)));
  const own = rulesOf(next.schema)
    .filter(isTransition)
    .filter((rule) => !holds(rule, { self: toCel(next.value, next.schema), oldSelf: toCel(old, next.schema) }))
    .map((rule) => toProblem(next, rule, 'a change'));
  return [...own, ...below];
}

function rulesOf(schema: Schema): readonly Rule[] {
  return schema['x-kubernetes-validations'] ?? [];
}

function isTransition({ rule }: Rule): boolean {
  return /\boldSelf\b/.test(rule);
}

function holds({ rule }: Rule, variables: Parameters<Judge>[0]): boolean {
  try {
    return judgeOf(rule)(variables) === true;
  } catch {
    // As in the API server, a rule that cannot be evaluated rejects the value.
    return false;
  }
}

/** True if a rule reads an unreliable value: `self.a.b` overlaps with a path when one is a prefix of the other. */
function reads(path: string, { rule }: Rule, unreliable: readonly string[]): boolean {
  const read = [...rule.matchAll(/\bself((?:\.[A-Za-z_]\w*)*)/g)].map(([, fields = '']) =>
    path === '' ? fields.slice(1) : path + fields,
  );
  return read.some((one) => unreliable.some((other) => isAtOrBelow(one, other) || isAtOrBelow(other, one)));
}

function isAtOrBelow(path: string, ancestor: string): boolean {
  return ancestor === '' || path === ancestor || path.startsWith(`${ancestor}.`) || path.startsWith(`${ancestor}[`);
}

function toProblem({ path, schema, value }: Part, { message, fieldPath = '' }: Rule, found?: string): Problem {
  const [clause = '', ...remedies] = message.split('; ');
  let guilty: Schema | undefined = schema;
  let at = value;
  for (const name of fieldPath.split('.').slice(1)) {
    guilty = guilty === undefined ? undefined : fieldSchema(guilty, name);
    at = isFields(at) && guilty !== undefined ? at[name] : undefined;
  }
  return violation((path + fieldPath).replace(/^\./, ''), found ?? nameValue(at), clause, remedies.join('; '));
}

/** The stored counterpart of a part of the new object; undefined where there is none. */
function correlate(parent: Part, part: Part, old: unknown): unknown {
  if (Array.isArray(parent.value)) {
    const keys = parent.schema['x-kubernetes-list-map-keys'];
    const { value } = part;
    if (keys === undefined || !Array.isArray(old) || !isFields(value)) return undefined;
    return old.find((item) => isFields(item) && keys.every((key) => item[key] === value[key]));
  }
  const name = Object.keys(parent.schema.properties ?? {}).find(
    (field) => parent.schema.properties?.[field] === part.schema,
  );
  return isFields(old) && name !== undefined ? old[name] : undefined;
}

/** The value as CEL sees it; fields under x-kubernetes-preserve-unknown-fields are invisible to rules. */
function toCel(value: unknown, schema: Schema): unknown {
  if (typeof value === 'number') {
    const isInteger = schema.type === 'integer' || schema['x-kubernetes-int-or-string'] === true;
    return isInteger && Number.isInteger(value) ? BigInt(value) : value;
  }
  if (Array.isArray(value)) {
    const { items } = schema;
    // Copy into an array of this realm: the CEL library recognizes a list by its constructor.
    return items === undefined ? [] : Array.from(value, (item: unknown) => toCel(item, items));
  }
  if (!isFields(value)) return value;
  if (schema['x-kubernetes-preserve-unknown-fields'] === true) return {};
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, field]) => {
      const below = fieldSchema(schema, name);
      return below === undefined ? [] : [[name, toCel(field, below)]];
    }),
  );
}
