/** Access to parsed JSON of unknown shape. */
import { isJsonObject } from '@distillery/base';

/** @returns null for everything but a JSON object */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | null {
  return isJsonObject(value) ? value : null;
}

/** @returns null when the text is not JSON */
export function parsed(text: string): { readonly value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

/** The beginning of a text on one line, for messages. */
export function excerpt(text: string, longest = 120): string {
  const line = text.replace(/\s+/g, ' ').trim();
  return line.length <= longest ? line : `${line.slice(0, longest)}…`;
}
