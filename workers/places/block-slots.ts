/** Which blocks of remote files lie in which slots of a memory: the last used ones stay, and no slot is taken while it is filled. */

export class BlockSlots {
  /** Slots by block, the least recently used first. */
  readonly #kept = new Map<string, number>();
  readonly #free: number[];

  constructor(count: number) {
    this.#free = Array.from({ length: count }, (_, slot) => count - 1 - slot);
  }

  /** The slot of a block that is kept. */
  find(key: string): number | undefined {
    const slot = this.#kept.get(key);
    if (slot === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, slot);
    return slot;
  }

  /** A slot to be filled: a free one, or that of the block that was not read for longest. */
  take(): number {
    const free = this.#free.pop();
    if (free !== undefined) return free;
    for (const [key, slot] of this.#kept) {
      this.#kept.delete(key);
      return slot;
    }
    throw new RangeError('all slots are being filled');
  }

  /** What was taken holds this block now. */
  keep(key: string, slot: number): void {
    this.#kept.set(key, slot);
  }

  /** What was taken holds nothing. */
  giveBack(slot: number): void {
    this.#free.push(slot);
  }
}
