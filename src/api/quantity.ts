/**
 * Kubernetes quantities: whole amounts with a suffix, as our own API takes them, and the full notation, as pods and
 * nodes use it for their resources.
 */

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

const allFactors: ReadonlyMap<string, number> = new Map([
  ...factors,
  ['n', 1e-9],
  ['u', 1e-6],
  ['m', 1e-3],
  ['P', 1e15],
  ['E', 1e18],
  ['Pi', 2 ** 50],
  ['Ei', 2 ** 60],
]);

/** A text that is no quantity. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
  constructor(
    readonly found: string,
    expected: string,
  ) {
    super(`quantity: found ${JSON.stringify(found)}, expected ${expected}`);
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
  const text = String(quantity);
  const [, digits, suffix = '', exponent] =
    /^\+?([0-9]+\.?[0-9]*|\.[0-9]+)(?:([a-zA-Z]{0,2})|[eE]([+-]?[0-9]{1,2}))$/.exec(text) ?? [];
  const factor = exponent === undefined ? allFactors.get(suffix) : 10 ** Number(exponent);
  const amount = Number(digits) * (factor ?? Number.NaN);
  if (Number.isFinite(amount)) return amount;
  throw new QuantityError(text, 'an amount such as 2, 500m or 1.5Gi');
}

/** @returns the amount in thousandths of a unit, rounded up as the API server does: `100m` of a CPU is 100. @throws QuantityError */
export function milliAmount(quantity: string | number): number {
  // Six more digits than are kept: 1.1 × 1000 must not become 1101.
  return Math.ceil(Number((resourceAmount(quantity) * 1e3).toFixed(6)));
}
