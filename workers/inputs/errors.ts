/** The error of this room: samples that cannot become what a model takes. */
import { DistilleryError, type StatementFault, type ValueFault } from '@distillery/base';

/** Terminal: another attempt has the same model and the same settings. */
export class InputError extends DistilleryError {
  override readonly name = 'InputError';
  readonly kind = 'Input';
  readonly retry = 'Never';
  /** Always a single one. */
  declare readonly fault: ValueFault | StatementFault;
}
