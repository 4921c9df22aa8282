/** Reads text files in any encoding that `decodeText` knows. */
import { readFileSync } from 'node:fs';

import { decodeText } from '@distillery/base';

/** @throws TextError, and the system's error with its code */
export function readTextSync(path: string): string {
  return decodeText(readFileSync(path));
}
