/**
 * What every data format offers to teacher and student. Formats are opened through `openDataset` in index.ts.
 */

/** One split of a labelled data set, readable in any order. */
export interface Split {
  /** Number of samples. */
  readonly length: number;
  /** Height, width, channels of one sample. */
  readonly shape: readonly [number, number, number];
  /** Number of classes: largest label + 1. */
  readonly classes: number;
  /**
   * Samples by index.
   * @returns [indices.length, height, width, channels], row-major, values in [0, 1]
   */
  read(indices: ArrayLike<number>): Promise<Float32Array>;
  /** Class of each sample named, each below `classes`. */
  labels(indices: ArrayLike<number>): Int32Array;
  close(): Promise<void>;
}

export interface Dataset {
  readonly train: Split;
  readonly test: Split;
  close(): Promise<void>;
}
