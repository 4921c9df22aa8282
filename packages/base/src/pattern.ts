/** Patterns in which `*` stands for any characters, none included. Pure. */

/** True when the whole text fits the pattern. */
export function matchesPattern(text: string, pattern: string): boolean {
  return matches(text, pattern.split('*'));
}

/** Whether these pieces come in this order, the first at the start and the last at the end, without overlap. */
function matches(text: string, [first = '', ...rest]: readonly string[]): boolean {
  const last = rest.pop();
  if (last === undefined) return text === first;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return text.length - last.length >= at && text.endsWith(last);
}
