/** What is wrong within a Parquet file, as a clause; the table adds the place. Errors of libraries are not shown. */
export class Damage extends Error {
  override readonly name = 'Damage';
}
