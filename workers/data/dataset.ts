/** A data set as teachers and student read it: its splits, and what identifies it. */
import type { Manifest } from '@distillery/protocol';

import type { Split } from '../samples/index.js';

export interface Dataset {
  readonly train: Split;
  /** Held out for evaluation; null = nothing is held out. */
  readonly test: Split | null;
  /**
   * 32 hex digits that differ when the samples differ: a hash of the format, the fields, the split, the decoders' versions,
   * the number of rows, the labels, and the content of some rows (identity.ts), read when it is asked for: a student
   * never asks. null = a data set that releases without identities read, too: teachers keep the digest that they had, so
   * that those of both releases can work for a job during an upgrade.
   * @throws what reading throws
   */
  readonly identity: () => Promise<string | null>;
  /** What a person should know of it, such as files that are left out. */
  readonly notes: readonly string[];
  close(): Promise<void>;
}

/** What a job says of its data. */
export type DatasetSettings = Pick<Manifest['dataset'], 'format' | 'uri' | 'fields' | 'split' | 'onBadSample'>;
export type DatasetFormat = Manifest['dataset']['format'];
