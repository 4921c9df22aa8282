/**
 * Defaulting as the API server does it: a null in a field that is not nullable (none of ours is) counts as absent;
 * an absent field takes a copy of its default; the copy is then defaulted itself. Idempotent.
 */
import { fieldSchema, isFields } from './schema.js';
import type { Schema } from './schema.js';

/** @returns a deep copy of `value`, without what the schema does not know, in which every absent field that has a default is filled in. */
export function withDefaults(value: unknown, schema: Schema): unknown {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items === undefined ? structuredClone(value) : value.map((item) => withDefaults(item, items));
  }
  if (!isFields(value)) return value;
  const isOpen = schema['x-kubernetes-preserve-unknown-fields'] === true;
  // An object in place of another type stays as it is: structure.ts reports its type.
  if (isOpen || schema.type !== 'object') return structuredClone(value);
  const filled: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    const below = fieldSchema(schema, name);
    if (below === undefined || field === null || field === undefined) continue;
    filled.push([name, withDefaults(field, below)]);
  }
  const given = new Set(filled.map(([name]) => name));
  for (const [name, below] of Object.entries(schema.properties ?? {})) {
    if (below.default !== undefined && !given.has(name)) filled.push([name, withDefaults(below.default, below)]);
  }
  return Object.fromEntries(filled);
}
