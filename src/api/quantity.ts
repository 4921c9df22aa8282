/**
 * Kubernetes quantities as far as our API uses them: whole amounts with an optional binary or decimal suffix.
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

/** A text that is no quantity. */
export class QuantityError extends Error {
  override readonly name = 'QuantityError';
  constructor(readonly found: string) {
    super(`quantity: found ${JSON.stringify(found)}, expected a whole number with k, M, G, T, Ki, Mi, Gi, Ti or none`);
  }
}

/** @returns the amount in units (bytes for sizes). @throws QuantityError */
export function quantityValue(quantity: string | number): number {
  if (typeof quantity === 'number') return quantity;
  const [, digits, suffix] = /^([0-9]{1,15})([A-Za-z]{0,2})$/.exec(quantity) ?? [];
  const factor = suffix === undefined ? undefined : factors.get(suffix);
  if (digits === undefined || factor === undefined) throw new QuantityError(quantity);
  return Number(digits) * factor;
}
