/** Files that numpy wrote, with the values that numpy reads from them (fixtures/numpy-arrays.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export type Json = number | string | readonly Json[];

interface Fixtures {
  readonly arrays: Readonly<
    Record<
      string,
      {
        readonly bytes: string;
        readonly dtype: string;
        readonly shape: readonly number[];
        readonly values: readonly Json[];
      }
    >
  >;
  readonly refused: Readonly<Record<string, string>>;
  readonly archives: Readonly<Record<string, string>>;
}

export const fixtures = JSON.parse(
  readFileSync(join(import.meta.dirname, 'fixtures/numpy-arrays.json'), 'utf8'),
) as Fixtures;

export function npy(name: string): Buffer {
  return Buffer.from(fixtures.arrays[name]!.bytes, 'base64');
}

/** An array that no table holds. */
export function refused(name: string): Buffer {
  return Buffer.from(fixtures.refused[name]!, 'base64');
}

/** An archive. `stored` and `compressed` have x_train [6, 2, 2] and y_train [6], x_test [2, 2, 2] and y_test [2]. */
export function npz(name: string): Buffer {
  return Buffer.from(fixtures.archives[name]!, 'base64');
}
