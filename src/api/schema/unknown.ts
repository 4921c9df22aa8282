/**
 * Unknown fields: the API server would drop or refuse them, so they are always a problem here. Each one names the
 * known field that was most likely meant: the nearest beside it, or the path where a field of that name belongs.
 */
import { alternatives, nearest } from '@distillery/base';

import { mismatch } from './problem.js';
import type { Problem } from './problem.js';
import { fieldSchema, isFields, joinPath } from './schema.js';
import type { Schema } from './schema.js';

export interface Pruned {
  /** A copy of the value without its unknown fields. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
}

/** @param root the schema of the whole object, in which misplaced fields are looked up */
export function withoutUnknown(value: unknown, schema: Schema, root: Schema): Pruned {
  const problems: Problem[] = [];
  const known = knownFields(root);
  /** A longer list helps no reader, and each field costs a comparison with every known name. */
  let suggestions = 100;
  const prune = (part: unknown, at: Schema, path: string): unknown => {
    if (Array.isArray(part)) {
      const { items } = at;
      if (items === undefined) return part;
      return Array.from(part, (item: unknown, index) => prune(item, items, `${path}[${String(index)}]`));
    }
    // An object in place of another type is a problem of its type, not of its fields.
    if (!isFields(part) || at.type !== 'object' || at['x-kubernetes-preserve-unknown-fields'] === true) return part;
    const kept: [string, unknown][] = [];
    for (const [name, field] of Object.entries(part)) {
      const below = fieldSchema(at, name);
      if (below !== undefined) kept.push([name, prune(field, below, joinPath(path, name))]);
      else problems.push(unknownField(joinPath(path, name), name, at, suggestions-- > 0 ? known : []));
    }
    return Object.fromEntries(kept);
  };
  return { value: prune(value, schema, ''), problems };
}

function unknownField(path: string, name: string, schema: Schema, known: readonly KnownField[]): Problem {
  const siblings = Object.keys(schema.properties ?? {});
  const remedy = known.length === 0 ? 'remove it' : remedyFor(name, siblings, known);
  return mismatch(path, 'an unknown field', alternatives(siblings), remedy);
}

function remedyFor(name: string, siblings: readonly string[], known: readonly KnownField[]): string {
  const sameName = known.filter((field) => field.name.toLowerCase() === name.toLowerCase());
  const isSibling = siblings.some((sibling) => sibling.toLowerCase() === name.toLowerCase());
  // A name that exists at many paths, as `name` does, does not show which one was meant.
  if (!isSibling && sameName.length > 0 && sameName.length <= 2) return moveTo(sameName);
  const sibling = nearest(name, siblings);
  if (sibling !== undefined) return `did you mean ${sibling}?`;
  const elsewhere = nearest(name, [...new Set(known.map((field) => field.name))]);
  const fields = known.filter((field) => field.name === elsewhere);
  return fields.length > 0 && fields.length <= 2 ? moveTo(fields) : 'remove it';
}

function moveTo(fields: readonly KnownField[]): string {
  return `move it to ${alternatives(fields.map((field) => field.path))}`;
}

interface KnownField {
  readonly name: string;
  readonly path: string;
}

/** Every field that a person may write, in the order of the schema; list items as `pools[]`. */
function knownFields(root: Schema): KnownField[] {
  const walk = (schema: Schema, path: string): KnownField[] =>
    Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
      const at = joinPath(path, name);
      if (at === 'status') return [];
      const below = field.items === undefined ? walk(field, at) : walk(field.items, `${at}[]`);
      return [{ name, path: at }, ...below];
    });
  return walk(root, '');
}
