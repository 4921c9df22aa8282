/**
 * The table of diamonds as numbers: grades become their rank, the price its logarithm, 0 for a usual one. Pure.
 *
 * Invariant:
 *  diamonds/D1 The split is a function of a row's content: equal rows are all trained on or all held out, and the rows of
 *     a smaller part are in the same split as before.
 */
import { createHash } from 'node:crypto';

/** Grades from the worst to the best. */
const grades = {
  cut: ['Fair', 'Good', 'Very Good', 'Premium', 'Ideal'],
  color: ['J', 'I', 'H', 'G', 'F', 'E', 'D'],
  clarity: ['I1', 'SI2', 'SI1', 'VS2', 'VS1', 'VVS2', 'VVS1', 'IF'],
} as const;
const features = ['carat', 'cut', 'color', 'clarity', 'depth', 'table', 'x', 'y', 'z'] as const;
/** One row of so many is held out. */
const heldOutOf = 10;
/** In dollars, near the median: a network learns numbers around 0 sooner. */
const usualPrice = 2_400;
/** Of the logarithm: more than a price in whole dollars holds. */
const decimals = 6;

export interface DiamondTables {
  /** Contents of CSV files with a head line. */
  readonly train: string;
  readonly test: string;
  readonly counts: { readonly train: number; readonly test: number };
}

/**
 * @param csv content of diamonds.csv: a head line, fields without commas
 * @param most rows to take, from the whole table
 * @throws Error when it is another table
 */
export function diamondTables(csv: string, most: number): DiamondTables {
  const [head = '', ...lines] = csv.split(/\r?\n/).filter((line) => line !== '');
  const names = fieldsOf(head);
  const rows = lines
    .map((line) => numbersOf(names, fieldsOf(line)).join(','))
    .map((row) => ({ row, hash: createHash('sha256').update(row).digest() }))
    // The file is sorted by price: a part of it would hold one kind of diamonds alone.
    .sort((a, b) => a.hash.compare(b.hash))
    .slice(0, most);
  const isHeldOut = (hash: Buffer): boolean => hash.readUInt32BE(4) % heldOutOf === 0;
  const parts = {
    train: rows.filter(({ hash }) => !isHeldOut(hash)),
    test: rows.filter(({ hash }) => isHeldOut(hash)),
  };
  const text = (part: typeof rows): string =>
    [[...features, 'logPrice'].join(','), ...part.map(({ row }) => row), ''].join('\n');
  return {
    train: text(parts.train),
    test: text(parts.test),
    counts: { train: parts.train.length, test: parts.test.length },
  };
}

function fieldsOf(line: string): string[] {
  return line.split(',').map((field) => field.replace(/^"(.*)"$/, '$1'));
}

function numbersOf(names: readonly string[], fields: readonly string[]): string[] {
  const value = (name: string): string => fields[names.indexOf(name)] ?? '';
  const number = (name: string): number => {
    const text = value(name);
    const found = name in grades ? rankOf(name as keyof typeof grades, text) : Number(text);
    if (text === '' || !Number.isFinite(found)) throw new Error(`diamonds.csv: no ${name} in ${fields.join(',')}`);
    return found;
  };
  const price = number('price');
  if (price <= 0) throw new Error(`diamonds.csv: a price of ${String(price)}`);
  return [...features.map((name) => String(number(name))), Math.log(price / usualPrice).toFixed(decimals)];
}

function rankOf(name: keyof typeof grades, grade: string): number {
  const rank = (grades[name] as readonly string[]).indexOf(grade);
  return rank < 0 ? Number.NaN : rank;
}
