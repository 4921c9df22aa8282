/**
 * What can be wrong with a logits frame. A reader of frames meets no other error: whatever bytes come, the answer is
 * a frame or a FrameError, so that a damaged message is fed again instead of ending a process (design §4).
 */
import { DistilleryError, type FaultOf } from '@distillery/base';

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

export interface FrameCell {
  /** Row in the frame, where the fault lies in one row. */
  readonly row?: number;
  /** Column of the logits, where the fault lies in one value. */
  readonly column?: number;
}

export class FrameError extends DistilleryError {
  override readonly name = 'FrameError';
  readonly kind = 'Frame';
  /** The step is fed again; a teacher answers it again. */
  readonly retry = 'Later';
  readonly row: number | undefined;
  readonly column: number | undefined;

  constructor(
    readonly reason: FrameFault,
    fault: FaultOf,
    cell: FrameCell = {},
  ) {
    super({ ...fault, about: 'logits frame' });
    this.row = cell.row;
    this.column = cell.column;
  }
}

export function malformed(field: string, found: number | string, expected: string): FrameError {
  return new FrameError('malformed', { problem: `${field}: found ${String(found)}, expected ${expected}`, remedy: '' });
}

/** @param column undefined where the value is the remaining mass of the row */
export function nonFinite(value: number | undefined, row: number, column: number | undefined): FrameError {
  const where = column === undefined ? 'remaining mass' : `column ${String(column)}`;
  return new FrameError(
    'nonFinite',
    {
      problem: `row ${String(row)}, ${where}: found ${String(value)}, expected a finite number`,
      remedy: "check the teacher's model and input",
    },
    column === undefined ? { row } : { row, column },
  );
}
