/** What can be wrong with a teacher's model, and with what it answers. */

export interface ModelFault {
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
}

/** Terminal: the model or the settings for it have to change. */
export class ModelError extends Error implements ModelFault {
  override readonly name = 'ModelError';
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;

  constructor(fault: ModelFault, options?: ErrorOptions) {
    super(`model ${fault.path}: found ${fault.found}, expected ${fault.expected}; ${fault.remedy}`, options);
    this.path = fault.path;
    this.found = fault.found;
    this.expected = fault.expected;
    this.remedy = fault.remedy;
  }
}

export interface LogitsFault {
  /** Row of the batch given to `infer`. */
  readonly row: number;
  readonly column: number;
  /** "NaN", "Infinity" or "-Infinity": as text, so that it survives JSON. */
  readonly value: string;
}

/** One batch has no usable answer; another batch may have one. */
export class LogitsError extends Error implements LogitsFault {
  override readonly name = 'LogitsError';
  readonly row: number;
  readonly column: number;
  readonly value: string;

  constructor({ row, column, value }: LogitsFault) {
    super(
      `logits: found ${value} in row ${String(row)}, column ${String(column)}, expected finite numbers; ` +
        'check teacher.input.mean and std, and the model on that sample',
    );
    this.row = row;
    this.column = column;
    this.value = value;
  }
}
