/** The error of this room: a uri that names no place on this machine. */
import { DistilleryError, type StatementFault, type ValueFault } from '@distillery/base';

/** Terminal: resolving again gives the same. Its fault is about the uri. */
export class PlaceError extends DistilleryError {
  override readonly name = 'PlaceError';
  readonly kind = 'Place';
  readonly retry = 'Never';
  /** Always a single one. */
  declare readonly fault: ValueFault | StatementFault;
}
