/**
 * What can be wrong with a logits frame. A reader of frames meets no other error: whatever bytes come, the answer is
 * a frame or a FrameError, so that a damaged message is fed again instead of ending a process (design §4).
 */

export type FrameFault =
  /** Fewer bytes than the header promises. */
  | 'truncated'
  /** The first bytes are not those of a frame. */
  | 'foreign'
  /** Written by another version of the protocol. */
  | 'version'
  /** A checksum does not fit: bytes changed on the way or in the store. */
  | 'damaged'
  /** Intact, but its fields contradict each other or the limits: the writer has a fault. */
  | 'malformed'
  /** A logit is NaN or infinite. */
  | 'nonFinite'
  /** Part of the protocol that this version does not do yet. */
  | 'unsupported';

export interface FramePlace {
  /** Row in the frame, where the fault lies in one row. */
  readonly row?: number;
  /** Column of the logits, where the fault lies in one value. */
  readonly column?: number;
}

export class FrameError extends Error {
  override readonly name = 'FrameError';
  readonly row: number | undefined;
  readonly column: number | undefined;

  constructor(
    readonly kind: FrameFault,
    problem: string,
    place: FramePlace = {},
  ) {
    super(`logits frame: ${problem}`);
    this.row = place.row;
    this.column = place.column;
  }
}
