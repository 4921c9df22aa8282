/**
 * Unknown fields: the API server would drop or refuse them, so they are always a problem here. Each one names the
 * known field that was most likely meant: the nearest beside it, or the place where a field of that name belongs.
 */
import { mismatch, oneOf } from './problem.js';
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
  const prune = (part: unknown, at: Schema, path: string): unknown => {
    if (Array.isArray(part)) {
      const { items } = at;
      if (items === undefined) return part;
      return Array.from(part, (item: unknown, index) => prune(item, items, `${path}[${String(index)}]`));
    }
    // An object where something else belongs is a problem of its type, not of the fields that it has.
    if (!isFields(part) || at.type !== 'object' || at['x-kubernetes-preserve-unknown-fields'] === true) return part;
    const kept: [string, unknown][] = [];
    for (const [name, field] of Object.entries(part)) {
      const below = fieldSchema(at, name);
      if (below !== undefined) kept.push([name, prune(field, below, joinPath(path, name))]);
      else problems.push(unknownField(joinPath(path, name), name, at, known));
    }
    return Object.fromEntries(kept);
  };
  return { value: prune(value, schema, ''), problems };
}

function unknownField(path: string, name: string, schema: Schema, known: readonly KnownField[]): Problem {
  const siblings = Object.keys(schema.properties ?? {});
  return mismatch(path, 'an unknown field', oneOf(siblings), remedyFor(name, siblings, known));
}

function remedyFor(name: string, siblings: readonly string[], known: readonly KnownField[]): string {
  const sameName = known.filter((field) => field.name.toLowerCase() === name.toLowerCase());
  const isSibling = siblings.some((sibling) => sibling.toLowerCase() === name.toLowerCase());
  // A name that stands in many places, such as `name` itself, says nothing about which one was meant.
  if (!isSibling && sameName.length > 0 && sameName.length <= 2) return moveTo(sameName);
  const sibling = nearest(name, siblings);
  if (sibling !== undefined) return `did you mean ${sibling}?`;
  const elsewhere = nearest(name, [...new Set(known.map((field) => field.name))]);
  const places = known.filter((field) => field.name === elsewhere);
  return places.length > 0 && places.length <= 2 ? moveTo(places) : 'remove it';
}

function moveTo(places: readonly KnownField[]): string {
  return `move it to ${oneOf(places.map((field) => field.path))}`;
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

/** @returns the candidate that takes the fewest edits to reach, if few enough to be a slip; the first of equals. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const allowed = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (distance <= allowed && distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours between two words (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const line = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let best = Math.min(replaced, (above[column] ?? 0) + 1, (line[column - 1] ?? 0) + 1);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (before[column - 2] ?? 0) + 1);
      }
      line.push(best);
    }
    before = above;
    above = line;
  }
  return above[b.length] ?? 0;
}
