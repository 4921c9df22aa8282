/**
 * The code of an error of the operating system, such as ENOENT; empty for everything else. Duck-typed: such errors may
 * come from another realm, where instanceof says no.
 */
export function codeOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : '';
}
