/** What can go wrong in training, as types with fields: the caller decides by them and never reads the sentence. */

/** A number that training cannot go on with. */
export class NumericError extends Error {
  override readonly name = 'NumericError';
  /** `loss`, `teacher logits` or `gradient of <weight>`. */
  readonly what: string;
  readonly step: number;
  constructor(what: string, step: number) {
    super(
      `step ${step}: found a ${what} that is not finite, expected finite numbers; ` +
        (what === 'teacher logits' ? 'check the teacher' : 'lower the learning rate or check the data'),
    );
    this.what = what;
    this.step = step;
  }
}

/** A model file that cannot be trained here. */
export class StudentModelError extends Error {
  override readonly name = 'StudentModelError';
  /** The layer or the field of the file. */
  readonly where: string;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;
  constructor(
    where: string,
    found: string,
    expected: string,
    { remedy = 'change the file that spec.student.model.uri names', ...options }: StudentModelErrorOptions = {},
  ) {
    super(`student model, ${where}: found ${found}, expected ${expected}; ${remedy}`, options);
    this.where = where;
    this.found = found;
    this.expected = expected;
    this.remedy = remedy;
  }
}

interface StudentModelErrorOptions extends ErrorOptions {
  readonly remedy?: string;
}

/** A batch that does not fit the model. */
export class BatchError extends Error {
  override readonly name = 'BatchError';
  readonly what: string;
  readonly found: string;
  readonly expected: string;
  constructor(what: string, found: string, expected: string) {
    super(`training batch, ${what}: found ${found}, expected ${expected}`);
    this.what = what;
    this.found = found;
    this.expected = expected;
  }
}

/** A state of another model or optimizer. */
export class StateError extends Error {
  override readonly name = 'StateError';
  readonly tensor: string;
  readonly found: string;
  readonly expected: string;
  constructor(tensor: string, found: string, expected: string) {
    super(
      `training state, tensor ${tensor}: found ${found}, expected ${expected}; ` +
        'the state belongs to another model or optimizer: start without it or restore the job it came from',
    );
    this.tensor = tensor;
    this.found = found;
    this.expected = expected;
  }
}
