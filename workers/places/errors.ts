/** The one error of this room: a uri that names no place on this machine. */

type PlaceFault = {
  /** The uri. */
  readonly path: string;
  /** What the person can do. */
  readonly remedy: string;
} & ({ readonly found: string; readonly expected: string } | { readonly problem: string });

/** Terminal: resolving again gives the same. */
export class PlaceError extends Error {
  override readonly name = 'PlaceError';
  readonly path: string;
  /** What is wrong, as a clause without the uri and the remedy. */
  readonly problem: string;
  readonly remedy: string;

  constructor(fault: PlaceFault, options?: ErrorOptions) {
    const problem = 'problem' in fault ? fault.problem : `found ${fault.found}, expected ${fault.expected}`;
    super(`${fault.path}: ${problem}; ${fault.remedy}`, options);
    this.path = fault.path;
    this.problem = problem;
    this.remedy = fault.remedy;
  }
}
