/** What is wrong within a Parquet file; the table adds the place. */
import { DistilleryError } from '@distillery/base';

/** Terminal: the bytes stay as they are. Its fault is about a part of the file. */
export class Damage extends DistilleryError {
  override readonly name = 'Damage';
  readonly kind = 'Damage';
  readonly retry = 'Never';

  constructor(
    /** A clause: "its first page continues a row". */
    readonly clause: string,
    options?: ErrorOptions,
  ) {
    super({ about: 'Parquet file', problem: clause, remedy: 'get the file again' }, options);
  }
}
