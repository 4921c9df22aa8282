import { expect, test } from '@jest/globals';

import { ByteCache } from '../../../workers/tables/parquet/byte-cache.js';

test('a cache keeps what was used last, within its bytes', () => {
  const cache = new ByteCache<string>(10);
  const made: string[] = [];
  const get = (key: string, bytes = 4): string =>
    cache.get(key, () => {
      made.push(key);
      return { value: key.toUpperCase(), bytes };
    });
  expect([get('a'), get('b'), get('a')]).toEqual(['A', 'B', 'A']);
  expect(made).toEqual(['a', 'b']);
  // There is room for two: b was used before a.
  get('c');
  expect(cache.bytes).toBe(8);
  get('a');
  get('b');
  expect(made).toEqual(['a', 'b', 'c', 'b']);
  // Larger than the cache: given, and not kept.
  expect([get('huge', 11), get('huge', 11)]).toEqual(['HUGE', 'HUGE']);
  expect(made.slice(4)).toEqual(['huge', 'huge']);
  expect(cache.bytes).toBe(8);
  cache.clear();
  expect(cache.bytes).toBe(0);
});
