/** The kinds of parameters of a preset: how a text becomes a value, and within which bounds. Pure. */

/** One parameter. `Value` is what a preset's builder receives. */
export interface Parameter<Value = unknown> {
  readonly meaning: string;
  readonly fallback: Value;
  /** What it takes, as a noun phrase for messages. */
  readonly takes: string;
  /** A text that `read` accepts, for remedies. */
  readonly example: string;
  /** Smallest and largest number, and for lists the largest number of entries. */
  readonly bounds: { readonly least: number; readonly most: number; readonly entries: number };
  /** @returns undefined for a text that is not such a value, or is out of bounds */
  read(text: string): Value | undefined;
  /** The value as `read` reads it; empty for one that the data decides. */
  text(value: Value): string;
}

/** A whole number. @param example for remedies, where the default is not a number */
export function size(least: number, most: number, fallback: number, meaning: string): Parameter<number> {
  return {
    meaning,
    fallback,
    takes: `a whole number from ${least} to ${most}`,
    example: String(fallback),
    bounds: { least, most, entries: 1 },
    read: (text) => wholeNumber(text, least, most),
    text: String,
  };
}

/** A whole number that the data decides where it is not given. */
export function optionalSize(
  least: number,
  most: number,
  example: number,
  meaning: string,
): Parameter<number | undefined> {
  const given = size(least, most, example, meaning);
  return { ...given, fallback: undefined, text: (value) => (value === undefined ? '' : String(value)) };
}

/** Whole numbers, at least one, separated by commas. */
export function sizes(
  least: number,
  most: number,
  entries: number,
  fallback: readonly number[],
  meaning: string,
): Parameter<readonly number[]> {
  return {
    meaning,
    fallback,
    takes: `1 to ${entries} whole numbers from ${least} to ${most}, separated by commas`,
    example: fallback.join(),
    bounds: { least, most, entries },
    read: (text) => {
      const values = text.split(',').map((part) => wholeNumber(part, least, most));
      return values.length <= entries && values.every((value) => value !== undefined) ? values : undefined;
    },
    text: (values) => values.join(),
  };
}

/** A part of 1, below 1. */
export function fraction(fallback: number, meaning: string): Parameter<number> {
  return {
    meaning,
    fallback,
    takes: 'a number from 0 to 0.95',
    example: '0.1',
    bounds: { least: 0, most: 0.95, entries: 1 },
    read: (text) => {
      const value = /^[0-9]{1,9}([.][0-9]{1,9})?$/.test(text) ? Number(text) : NaN;
      return value <= 0.95 ? value : undefined;
    },
    text: String,
  };
}

/** Decimal digits without a sign or leading zeros, so that a value has one spelling. */
function wholeNumber(text: string, least: number, most: number): number | undefined {
  const value = /^(0|[1-9][0-9]{0,8})$/.test(text) ? Number(text) : NaN;
  return value >= least && value <= most ? value : undefined;
}
