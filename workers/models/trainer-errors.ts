/** What can go wrong in training. */
import { DistilleryError } from '@distillery/base';

/** A number that training cannot continue with. */
export class NumericError extends DistilleryError {
  override readonly name = 'NumericError';
  readonly kind = 'Numeric';
  readonly retry = 'Never';
  /** `loss`, `teacher logits` or `gradient of <weight>`. */
  readonly what: string;
  readonly step: number;
  constructor(what: string, step: number) {
    super({
      about: `step ${step}`,
      problem: what === 'teacher logits' ? 'the teacher logits are not finite' : `the ${what} is not finite`,
      remedy: what === 'teacher logits' ? 'check the teacher' : 'lower the learning rate or check the data',
    });
    this.what = what;
    this.step = step;
  }
}

/** A model file that cannot be trained here. */
export class StudentModelError extends DistilleryError {
  override readonly name = 'StudentModelError';
  readonly kind = 'StudentModel';
  readonly retry = 'Never';
  /** The layer or the field of the file. */
  readonly where: string;
  constructor(
    where: string,
    found: string,
    expected: string,
    { remedy = 'change the file that spec.student.model.uri names', ...options }: StudentModelErrorOptions = {},
  ) {
    super({ about: `student model, ${where}`, found, expected, remedy }, options);
    this.where = where;
  }
}

interface StudentModelErrorOptions extends ErrorOptions {
  readonly remedy?: string;
}

/** A batch that does not fit the model. */
export class BatchError extends DistilleryError {
  override readonly name = 'BatchError';
  readonly kind = 'Batch';
  readonly retry = 'Never';
  readonly what: string;
  constructor(what: string, found: string, expected: string) {
    super({
      about: `training batch, ${what}`,
      found,
      expected,
      remedy: 'give batches of the shape that the model takes',
    });
    this.what = what;
  }
}

/** A state of another model or optimizer. */
export class StateError extends DistilleryError {
  override readonly name = 'StateError';
  readonly kind = 'State';
  readonly retry = 'Never';
  readonly tensor: string;
  constructor(tensor: string, found: string, expected: string) {
    super({
      about: `training state, tensor ${tensor}`,
      found,
      expected,
      remedy: 'start without this state of another model or optimizer, or restore the job that it came from',
    });
    this.tensor = tensor;
  }
}
