/** Texts that are numbers, exactly. Pure. */

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;
const integer = /^[+-]?\d+$/;

/**
 * The float64 nearest to a decimal text, spaces around it allowed; null for any other text and for numbers that are too
 * large: `Number` would take "", "0x10" and "Infinity", too.
 */
export function decimalOf(text: string): number | null {
  const trimmed = text.trim();
  if (!decimal.test(trimmed)) return null;
  const value = Number(trimmed);
  return Number.isFinite(value) ? value : null;
}

/** Longest texts that are read as integers: more digits than any type has. */
const maxDigits = 40;

/** The integer that a text is, exactly; null for any other text. */
export function integerOf(text: string): bigint | null {
  const trimmed = text.trim();
  return trimmed.length <= maxDigits && integer.test(trimmed) ? BigInt(trimmed.replace('+', '')) : null;
}
