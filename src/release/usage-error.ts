import { DistilleryError } from '@distillery/base';

/** A program of the chart is called in a way that it does not know. */
export class UsageError extends DistilleryError {
  override readonly name = 'UsageError';
  readonly kind = 'Usage';
  readonly retry = 'Never';
}
