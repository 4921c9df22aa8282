import { DistilleryError, type StatementFault, type ValueFault } from '@distillery/base';

/** A preset that does not exist, a parameter that it does not take, or data that it cannot take. */
export class PresetError extends DistilleryError {
  override readonly name = 'PresetError';
  readonly kind = 'Preset';
  readonly retry = 'Never';
  /** Always a single one. */
  declare readonly fault: ValueFault | StatementFault;
}
