/** Bytes at positions as the zip library reads them, so that it reads archives that are here and those that are not. */
import type { Readable } from 'node:stream';

import { RandomAccessReader } from 'yauzl';

import { type Bytes, streamOf } from '../bytes.js';

export class ZipReader extends RandomAccessReader {
  readonly #bytes: Bytes;

  constructor(bytes: Bytes) {
    super();
    this.#bytes = bytes;
  }

  override read(
    target: Buffer,
    offset: number,
    length: number,
    position: number,
    done: (error: Error | null) => void,
  ): void {
    let failure: Error | null = null;
    try {
      this.#bytes.fill(target, position, offset, length);
    } catch (error) {
      failure = error as Error;
    }
    // The library expects its answer later.
    setImmediate(done, failure);
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return streamOf(this.#bytes, start, end);
  }
}
