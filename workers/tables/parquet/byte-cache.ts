/** Keeps what was used last, up to a number of bytes. */
interface Entry<T> {
  readonly value: T;
  readonly bytes: number;
}

export class ByteCache<T> {
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry<T>>();
  #bytes = 0;

  constructor(private readonly limitBytes: number) {}

  /** Bytes of all that is kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The value of a key, made if it is not kept. One that is larger than the limit is not kept. */
  get(key: string, make: () => Entry<T>): T {
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known.value;
    }
    const made = make();
    if (made.bytes > this.limitBytes) return made.value;
    this.#entries.set(key, made);
    this.#bytes += made.bytes;
    for (const [oldest, { bytes }] of this.#entries) {
      if (this.#bytes <= this.limitBytes) break;
      this.#entries.delete(oldest);
      this.#bytes -= bytes;
    }
    return made.value;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
  }
}
