/**
 * Many paths in little memory: the bytes of all names in blocks, and for each path where its name starts and its folder.
 * 20 million files of names of 20 bytes take about 700 MB.
 */

/** Bytes of a block of names. */
const blockBytes = 1 << 22;

/** Paths by number, in the order in which they were added. */
export class Paths {
  readonly #folders: string[] = [];
  readonly #blocks: Uint8Array[] = [];
  #used = blockBytes;
  /** For each path: block and position of its name, its length, and its folder. */
  #entries = new Uint32Array(1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** @param folder with a slash at its end; empty = the root. @returns its number */
  addFolder(folder: string): number {
    return this.#folders.push(folder) - 1;
  }

  /** @param name at most 1,023 bytes; file systems allow 255. @returns its number */
  add(folder: number, name: string): number {
    const bytes = Buffer.from(name);
    if (this.#used + bytes.length > blockBytes) {
      this.#blocks.push(new Uint8Array(blockBytes));
      this.#used = 0;
    }
    this.#blocks.at(-1)?.set(bytes, this.#used);
    const at = 3 * this.#length++;
    if (at + 3 > this.#entries.length) {
      const larger = new Uint32Array(Math.ceil(this.#entries.length * 1.5));
      larger.set(this.#entries);
      this.#entries = larger;
    }
    // 22 bits of position, and 10 bits of length.
    this.#entries[at] = this.#blocks.length - 1;
    this.#entries[at + 1] = this.#used * 1024 + bytes.length;
    this.#entries[at + 2] = folder;
    this.#used += bytes.length;
    return this.#length - 1;
  }

  /** Relative to the root. */
  at(index: number): string {
    return (this.#folders[this.folderOf(index)] ?? '') + this.nameAt(index);
  }

  nameAt(index: number): string {
    const [block = 0, span = 0] = this.#entries.subarray(3 * index, 3 * index + 2);
    const start = Math.floor(span / 1024);
    return Buffer.from(this.#blocks[block]?.subarray(start, start + (span % 1024)) ?? []).toString();
  }

  /** Number of the folder. */
  folderOf(index: number): number {
    return this.#entries[3 * index + 2] ?? 0;
  }
}
