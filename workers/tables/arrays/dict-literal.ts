/**
 * Reads the header of an npy file: a dict literal of Python with texts, True, False, whole numbers and tuples of them,
 * and nothing else. Pure.
 */

/** What a header may hold. `structured` stands for the list of a structured type, which nothing here can read. */
export type Literal = string | boolean | number | readonly number[] | typeof structured;
export const structured: unique symbol = Symbol('structured');

/** A text without escapes, a word, a whole number (Python 2 wrote `3L`), or a sign. */
const token = /\s*(?:'([^'\\\n]*)'|"([^"\\\n]*)"|(True|False)\b|(\d{1,19})L?|([{}(),:[]))/y;

type Token = { readonly text: string } | { readonly value: boolean | number } | { readonly sign: string };

/** @returns null for anything else than a dict literal as above, and where a key comes twice */
export function readDictLiteral(source: string): ReadonlyMap<string, Literal> | null {
  const tokens = tokensOf(source);
  if (tokens === null) return null;
  let at = 0;
  const take = (sign: string): boolean => {
    const next = tokens[at];
    if (next === undefined || !('sign' in next) || next.sign !== sign) return false;
    at++;
    return true;
  };
  const tuple = (): readonly number[] | null => {
    const numbers: number[] = [];
    for (let comma = true; !take(')'); comma = take(',')) {
      const next = tokens[at++];
      if (!comma || next === undefined || !('value' in next) || typeof next.value !== 'number') return null;
      numbers.push(next.value);
    }
    // `(3)` is the number 3; a tuple of one has a comma.
    const last = tokens[at - 2];
    return numbers.length === 1 && !(last !== undefined && 'sign' in last && last.sign === ',') ? null : numbers;
  };
  const entries = new Map<string, Literal>();
  if (!take('{')) return null;
  for (let comma = true; !take('}'); comma = take(',')) {
    const key = tokens[at++];
    if (!comma || key === undefined || !('text' in key) || entries.has(key.text) || !take(':')) return null;
    if (take('[')) return new Map([...entries, [key.text, structured]]);
    const next = take('(') ? null : tokens[at++];
    const value = next === null ? tuple() : literalOf(next);
    if (value === null) return null;
    entries.set(key.text, value);
  }
  return at === tokens.length ? entries : null;
}

function literalOf(next: Token | undefined): string | boolean | number | null {
  if (next === undefined || 'sign' in next) return null;
  return 'text' in next ? next.text : next.value;
}

/** Up to the end, or up to the first list: what follows belongs to a structured type. Null for anything else. */
function tokensOf(source: string): readonly Token[] | null {
  const tokens: Token[] = [];
  const end = source.trimEnd().length;
  token.lastIndex = 0;
  while (token.lastIndex < end) {
    const match = token.exec(source);
    if (match === null) return null;
    const [, single, double, word, digits, sign] = match;
    const text = single ?? double;
    if (text !== undefined) tokens.push({ text });
    else if (word !== undefined) tokens.push({ value: word === 'True' });
    else if (digits !== undefined) tokens.push({ value: Number(digits) });
    else if (sign !== undefined) tokens.push({ sign });
    if (sign === '[') return tokens;
  }
  return tokens;
}
