/**
 * Kubernetes quantities: whole amounts with a suffix, which our API takes, and the full notation, which pods and nodes use
 * for their resources.
 */
import { DistilleryError } from '@distillery/base';

const factors: ReadonlyMap<string, number> = new Map([
  ['', 1],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
]);

/** Suffixes of the full notation: powers of 10, and powers of 2. */
const decimals: ReadonlyMap<string, number> = new Map(
  Object.entries({ n: -9, u: -6, m: -3, '': 0, k: 3, M: 6, G: 9, T: 12, P: 15, E: 18 }),
);
const binaries: ReadonlyMap<string, number> = new Map(
  Object.entries({ Ki: 10, Mi: 20, Gi: 30, Ti: 40, Pi: 50, Ei: 60 }),
);

/** The text is not a quantity. */
export class QuantityError extends DistilleryError {
  override readonly name = 'QuantityError';
  readonly kind = 'Quantity';
  readonly retry = 'Never';
  constructor(
    readonly found: string,
    expected: string,
  ) {
    super({ about: 'quantity', found: JSON.stringify(found), expected, remedy: 'write it as Kubernetes does' });
  }
}

/** @returns the amount in units (bytes for sizes). @throws QuantityError */
export function quantityValue(quantity: string | number): number {
  if (typeof quantity === 'number') return quantity;
  const [, digits, suffix] = /^([0-9]{1,15})([A-Za-z]{0,2})$/.exec(quantity) ?? [];
  const factor = suffix === undefined ? undefined : factors.get(suffix);
  if (digits === undefined || factor === undefined) {
    throw new QuantityError(quantity, 'a whole number with k, M, G, T, Ki, Mi, Gi, Ti or none');
  }
  return Number(digits) * factor;
}

/**
 * Any quantity that a pod or a node may carry: `500m`, `1.5Gi`, `2e3`.
 * @returns the amount in units (cores, bytes, devices), not below 0
 * @throws QuantityError
 */
export function resourceAmount(quantity: string | number): number {
  return scaled(quantity, 0);
}

/** @returns the amount in thousandths of a unit, rounded up as the API server does: `100m` of a CPU is 100. @throws QuantityError */
export function milliAmount(quantity: string | number): number {
  return Math.ceil(scaled(quantity, 3));
}

/** Maximum number of digits; no real amount has more. */
const longestQuantity = 64;

/**
 * Multiplies by 10 to the power of `shift`. Digits and exponent are parsed together, so that 1.1 thousand is exactly 1100.
 */
function scaled(quantity: string | number, shift: number): number {
  const text = String(quantity);
  // Check the length first: the pattern can split a row of n digits in n ways.
  if (text.length > longestQuantity) throw new QuantityError(`${text.slice(0, longestQuantity)}…`, 'a shorter amount');
  const [, digits, suffix = '', exponent] =
    /^\+?([0-9]+\.?[0-9]*|\.[0-9]+)(?:([a-zA-Z]{0,2})|[eE]([+-]?[0-9]{1,2}))$/.exec(text) ?? [];
  const binary = binaries.get(suffix);
  const decimal = exponent === undefined ? decimals.get(suffix) : Number(exponent);
  if (digits !== undefined && binary !== undefined) return Number(`${digits}e${String(shift)}`) * 2 ** binary;
  if (digits !== undefined && decimal !== undefined) return Number(`${digits}e${String(decimal + shift)}`);
  throw new QuantityError(text, 'an amount such as 2, 500m or 1.5Gi');
}
