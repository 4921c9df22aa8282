/**
 * Whether two values are the same JSON: the order of fields does not count, and a field that is undefined is none, as on
 * any wire.
 */
export function jsonEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (Array.isArray(a) || Array.isArray(b)) {
    return (
      Array.isArray(a) && Array.isArray(b) && a.length === b.length && a.every((item, at) => jsonEqual(item, b[at]))
    );
  }
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  const theirs = new Map(given(b));
  const ours = given(a);
  return ours.length === theirs.size && ours.every(([name, value]) => jsonEqual(value, theirs.get(name)));
}

function given(object: object): [string, unknown][] {
  return Object.entries(object).filter(([, value]) => value !== undefined);
}
