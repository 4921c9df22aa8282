/** What can be wrong with a teacher's model, and with what it answers. */
import { DistilleryError, type ValueFault } from '@distillery/base';

/** The model or the settings for it have to change. */
export class ModelError extends DistilleryError {
  override readonly name = 'ModelError';
  readonly kind = 'Model';
  readonly retry = 'Never';
  declare readonly fault: ValueFault;

  constructor({ path, ...fault }: Omit<ValueFault, 'about'> & { readonly path: string }, options?: ErrorOptions) {
    super({ ...fault, about: `model ${path}` }, options);
  }
}

export interface LogitsFault {
  /** Row of the batch given to `infer`. */
  readonly row: number;
  readonly column: number;
  /** "NaN", "Infinity" or "-Infinity": as text, so that it survives JSON. */
  readonly value: string;
  /** The member of an ensemble that answered it; absent = the only model. */
  readonly member?: string | undefined;
}

/**
 * One batch has no usable answer. A teacher continues with the next batch; only its self-test, whose samples are always the
 * same, ends by this error.
 */
export class LogitsError extends DistilleryError implements LogitsFault {
  override readonly name = 'LogitsError';
  readonly kind = 'Logits';
  readonly retry = 'Never';
  readonly row: number;
  readonly column: number;
  readonly value: string;
  readonly member: string | undefined;

  constructor({ row, column, value, member }: LogitsFault, options?: ErrorOptions) {
    super(
      {
        about: member === undefined ? 'logits' : `logits of ${member}`,
        found: `${value} in row ${String(row)}, column ${String(column)}`,
        expected: 'finite numbers',
        remedy: `check ${member === undefined ? 'teacher.' : 'its '}input.mean and std, and the model on that sample`,
      },
      options,
    );
    this.row = row;
    this.column = column;
    this.value = value;
    this.member = member;
  }
}
