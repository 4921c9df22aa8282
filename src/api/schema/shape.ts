/**
 * Small checks that combine into an allow-list for a free-form part of the API: each takes a value and its path, and
 * returns all problems. A value that no check allows is refused.
 */
import { alternatives, nearest } from '@distillery/base';

import { mismatch, nameValue, noText, violation } from './problem.js';
import type { Problem } from './problem.js';
import { isFields, joinPath } from './schema.js';

export type Check = (value: unknown, path: string) => readonly Problem[];

interface FieldOptions {
  /** Required fields. */
  readonly required?: readonly string[];
  /** What to do instead, for fields that users often try; the remedy for all others is to leave them out. */
  readonly instead?: Readonly<Record<string, string>>;
}

/** An object with these fields and no other. */
export function fields(known: Readonly<Record<string, Check>>, options: FieldOptions = {}): Check {
  const names = Object.keys(known);
  const { required = [], instead = {} } = options;
  return (value, path) => {
    if (!isFields(value)) return [mismatch(path, nameValue(value), 'an object', 'write its fields below it')];
    const missing = required
      .filter((name) => value[name] === undefined)
      .map((name) => mismatch(joinPath(path, name), 'nothing', 'it to be there', `add ${name}`));
    const given = Object.entries(value).flatMap(([name, field]) => {
      const check = Object.hasOwn(known, name) ? known[name] : undefined;
      if (check !== undefined) return check(field, joinPath(path, name));
      const meant = nearest(name, names);
      const remedy = Object.hasOwn(instead, name)
        ? (instead[name] ?? '')
        : meant === undefined
          ? 'leave it out'
          : `did you mean ${meant}?`;
      return [violation(joinPath(path, name), nameValue(field), `a job sets only ${alternatives(names)} here`, remedy)];
    });
    return [...missing, ...given];
  };
}

/** An object whose keys `key` allows and whose values `value` allows. */
export function mapOf(value: Check, key: (name: string, path: string) => readonly Problem[] = () => []): Check {
  return (map, path) => {
    if (!isFields(map)) return [mismatch(path, nameValue(map), 'an object', 'write names and values below it')];
    return Object.entries(map).flatMap(([name, entry]) => [
      ...key(name, joinPath(path, name)),
      ...value(entry, joinPath(path, name)),
    ]);
  };
}

export function listOf(item: Check): Check {
  return (list, path) => {
    if (!Array.isArray(list))
      return [mismatch(path, nameValue(list), 'a list', 'write its entries below it, each with a dash')];
    return list.flatMap((entry: unknown, index) => item(entry, `${path}[${String(index)}]`));
  };
}

/** An object whose fields the API server judges. */
export const anyObject: Check = (value, path) =>
  isFields(value) ? [] : [mismatch(path, nameValue(value), 'an object', 'write its fields below it')];

export const anyText: Check = (value, path) => (typeof value === 'string' ? [] : [noText(path, value)]);

export const anyFlag: Check = (value, path) =>
  typeof value === 'boolean' ? [] : [mismatch(path, nameValue(value), 'true or false', 'write one of them')];

export function wholeNumber(minimum: number, why = ''): Check {
  return (value, path) => {
    if (Number.isSafeInteger(value) && Number(value) >= minimum) return [];
    const expected = `a whole number of at least ${String(minimum)}${why}`;
    return [mismatch(path, nameValue(value), expected, `write ${String(minimum)} or more, or leave it out`)];
  };
}

export function oneText(...texts: readonly string[]): Check {
  return (value, path) =>
    typeof value === 'string' && texts.includes(value)
      ? []
      : [mismatch(path, nameValue(value), alternatives(texts), 'choose one of them')];
}

/** Checks the type of a value first, and the rest only if the type is right. */
export function allOf(kind: Check, ...further: readonly Check[]): Check {
  return (value, path) => {
    const problems = kind(value, path);
    return problems.length > 0 ? problems : further.flatMap((check) => check(value, path));
  };
}
