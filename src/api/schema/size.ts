/**
 * Bounds on the size of a job, checked before anything else. Every later check does work for each value and each character,
 * and the API server bounds neither in a free-form field: without these bounds one job could occupy the operator for
 * seconds at every reconcile.
 */
import { violation } from './problem.js';
import type { Problem } from './problem.js';
import { isFields } from './schema.js';

export interface SizeLimit {
  /** Fields, entries of lists and values, in the value and all its parts. */
  readonly values: number;
  /** Characters of all names and texts together. */
  readonly characters: number;
}

/** Limit of a whole job. */
export const jobLimit: SizeLimit = { values: 20_000, characters: 1_000_000 };

/** Limit of each pod template: many times the size of a long one with volumes, variables and affinities. */
export const templateLimit: SizeLimit = { values: 1_000, characters: 32_768 };

/** True if a value exceeds the limit. Visits no more parts than the limit allows. */
export function exceeds(value: unknown, { values, characters }: SizeLimit): boolean {
  const open: unknown[] = [value];
  let valuesLeft = values;
  let charactersLeft = characters;
  while (open.length > 0) {
    const part = open.pop();
    if (typeof part === 'string') charactersLeft -= part.length;
    if (Array.isArray(part)) {
      if (part.length > valuesLeft) return true;
      open.push(...(part as unknown[]));
      valuesLeft -= part.length;
    } else if (isFields(part)) {
      for (const name in part) {
        open.push(part[name]);
        charactersLeft -= name.length;
        valuesLeft -= 1;
        if (valuesLeft < 0 || charactersLeft < 0) return true;
      }
    }
    if (charactersLeft < 0) return true;
  }
  return false;
}

/** The problem of a part that exceeds its limit. */
export function tooLarge(path: string, found: string, { values, characters }: SizeLimit): Problem {
  const clause = `it holds more than ${String(values)} values or ${String(characters)} characters`;
  return violation(path, found, clause, 'take out what is not needed');
}
