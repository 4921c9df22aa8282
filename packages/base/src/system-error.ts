/**
 * The code of an error of the operating system, such as ENOENT; empty for everything else. Duck-typed: such errors may
 * come from another realm, where instanceof says no.
 */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}

/** What lies beneath an error in words: the system's own where a library put another around it. Duck-typed as above. */
export function reasonOf(error: unknown): string {
  const inner = error instanceof Error ? (error.cause ?? error) : error;
  return typeof inner === 'object' && inner !== null && 'message' in inner ? String(inner.message) : String(inner);
}
