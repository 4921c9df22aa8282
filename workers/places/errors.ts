/** The errors of this room: a uri that names no place on this machine, and a remote place that does not give its files. */
import {
  codeOf,
  DistilleryError,
  type Retry,
  type StatementFault,
  type ValueFault,
  writeRefusalOf,
} from '@distillery/base';

/** Terminal: resolving again gives the same. Its fault is about the uri. */
export class PlaceError extends DistilleryError {
  override readonly name = 'PlaceError';
  readonly kind = 'Place';
  readonly retry = 'Never';
  /** Always a single one. */
  declare readonly fault: ValueFault | StatementFault;
}

/** Why a remote place did not give its files, and when another attempt may succeed. */
const retries = {
  /** The server refuses the credentials, or asks for some. */
  denied: 'Never',
  /** The credentials were good once, and may be renewed at any time. */
  expired: 'Later',
  missing: 'Never',
  /** The server is overloaded or out of order, and says so. */
  unavailable: 'Later',
  unreachable: 'Later',
  unknownHost: 'Never',
  certificate: 'Never',
  redirected: 'Never',
  /** The server stopped sending. */
  stalled: 'Later',
  /** The file ended before its announced end, again and again. */
  cut: 'Later',
  /** The content changed while it was fetched. */
  changed: 'Later',
  /** The content is not what `#sha256=` pins. */
  digest: 'Never',
  /** The server does not give back what it stored. */
  damaged: 'AfterSomebodyActs',
  /** Any other answer that is no file. */
  refused: 'Never',
  /** A key or file name that no file on this machine can have, or too many of them. */
  unusable: 'Never',
  /** It is larger than the whole cache. */
  tooLarge: 'AfterSomebodyActs',
  /** The cache has no room, or its disk none. */
  noRoom: 'AfterSomebodyActs',
  /** The cache folder cannot be used. */
  cache: 'Never',
} as const satisfies Record<string, Retry>;
export type RemoteReason = keyof typeof retries;

/** Its fault is about the uri, or about the file that belongs to it. No field holds any part of a secret. */
export class RemoteError extends DistilleryError {
  override readonly name = 'RemoteError';
  readonly kind = 'Remote';
  readonly retry: Retry;
  readonly askedWaitMs: number;
  declare readonly fault: ValueFault | StatementFault;

  constructor(
    readonly reason: RemoteReason,
    fault: ValueFault | StatementFault,
    /** `askedWaitMs`: what the server asks to wait. */
    options: ErrorOptions & { readonly askedWaitMs?: number } = {},
  ) {
    super(fault, options);
    this.askedWaitMs = options.askedWaitMs ?? 0;
    this.retry = retries[reason];
  }
}

/** An error of the disk in our words; null for any other. */
export function storageError(error: unknown, about: string): RemoteError | null {
  const refusal = writeRefusalOf(codeOf(error));
  if (refusal === null || error instanceof RemoteError) return null;
  const reason = ['full', 'limited', 'readOnly'].includes(refusal.reason) ? 'noRoom' : 'cache';
  const place = `${about}: its copy in the cache folder`;
  return new RemoteError(
    reason,
    'problem' in refusal
      ? { about: place, problem: refusal.problem, remedy: refusal.remedy }
      : { about: place, found: refusal.found, expected: refusal.expected, remedy: refusal.remedy },
    { cause: error },
  );
}
