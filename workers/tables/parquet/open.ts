/** Opens Parquet files; their library is loaded by the first one, since most jobs have none. */
import type { openParquet as open } from './parquet.js';

export async function openParquet(...given: Parameters<typeof open>): ReturnType<typeof open> {
  return (await import('./parquet.js')).openParquet(...given);
}
