/** Files whose bytes are not on this machine: a table reads them in parts, as it reads a file that is here. */

/** One such file. It never changes: a reader that finds another version throws. */
export interface FarBytes {
  readonly length: number;
  /** Equal only for the same content. */
  readonly version: string;
  /** Copies the bytes from `position` on into `target`; the caller asks for none behind the end. Waits for them. */
  read(target: Uint8Array, position: number): void;
  /** As `read`, and other work goes on meanwhile. */
  fetch(target: Uint8Array, position: number): Promise<void>;
}

/** By the path of the empty file that stands for each: names and folders are as if it were here. */
export interface FarFiles {
  at(path: string): FarBytes | null;
}
