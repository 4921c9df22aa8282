/** How a failed schema check reads: one place for the sentence, so that every reader of JSON says it the same way. */
import type { z } from 'zod';

/** Path of the first field that is wrong, such as `indices.3`; `(root)` for the value itself. */
export function fieldOf(error: z.ZodError): string {
  const path = error.issues[0]?.path ?? [];
  return path.length === 0 ? '(root)' : path.map(String).join('.');
}

/** What is wrong with the first wrong field, the number of further ones included. */
export function problemIn(error: z.ZodError): string {
  const others = error.issues.length - 1;
  const more = others > 0 ? ` (and ${String(others)} more)` : '';
  return `field ${fieldOf(error)}: ${error.issues[0]?.message ?? 'is wrong'}${more}`;
}
