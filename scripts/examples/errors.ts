/** What a person can act on while an example runs. */
import { DistilleryError, type Fault } from '@distillery/base';

export class ExampleError extends DistilleryError {
  override readonly name = 'ExampleError';
  readonly kind = 'Example';
  readonly retry = 'AfterSomebodyActs';

  /** Names the exit code, as those of `distill`. */
  readonly reason: 'usage' | 'badInput' | 'unavailable' | 'failed';

  constructor(reason: ExampleError['reason'], fault: Fault, options?: ErrorOptions) {
    super(fault, options);
    this.reason = reason;
  }
}
