/** Where the members of one column lie in their archives: 8 bytes a row. */
import { blockBytes } from './tar-header.js';

export class MemberRanges {
  /** Block and bytes of each row. */
  #numbers = new Uint32Array(256);

  /** @returns false when the row has such a member already */
  add(row: number, position: number, bytes: number): boolean {
    const at = 2 * row;
    if (at >= this.#numbers.length) {
      const larger = new Uint32Array(Math.max(2 * Math.ceil(this.#numbers.length * 0.75), at + 2));
      larger.set(this.#numbers);
      this.#numbers = larger;
    }
    if (this.#numbers[at] !== 0) return false;
    this.#numbers[at] = position / blockBytes;
    this.#numbers[at + 1] = Math.min(bytes, 2 ** 32 - 1);
    return true;
  }

  /** A multiple of 512; 0 = the row has no such member, as a header comes before every content. */
  positionOf(row: number): number {
    return (this.#numbers[2 * row] ?? 0) * blockBytes;
  }

  /** At most 2³² − 1, also for larger ones; 0 = no bytes, or no such member. */
  bytesOf(row: number): number {
    return this.#numbers[2 * row + 1] ?? 0;
  }
}
