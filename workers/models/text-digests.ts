/** Digests of the texts of samples, by which workers find that they read different ones: samples do not travel. Pure. */
import { createHash } from 'node:crypto';

import type { Samples } from '../samples/index.js';

const hexDigits = 16;

/** 16 hex digits. */
export function digestOfTexts(texts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, hexDigits);
}

/** Digests of the texts of each sample; null where the samples have none. */
export function readTexts({ count, inputs }: Samples): readonly string[] | null {
  const fields = Object.keys(inputs)
    .filter((name) => inputs[name]?.dtype === 'text')
    .sort();
  if (fields.length === 0) return null;
  return Array.from({ length: count }, (_, row) =>
    digestOfTexts(fields.map((name) => String(inputs[name]?.data[row] ?? ''))),
  );
}
