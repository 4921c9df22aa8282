/** Where a text stops being JSON: the messages of the engine do not always tell it. Pure. */

type Next = 'value' | 'value or end' | 'key' | 'key or end' | 'colon' | 'comma or end' | 'end of text';

/** A mark, a number or a word, behind blanks. Strings are walked by hand: they may be too long for a pattern. */
const token = /([{}[\],:])|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const blank = /[ \t\n\r]*/y;
const escape = /\\(?:[bfn"\\/rt]|u[0-9a-fA-F]{4})/y;

/** Place of the first character that no JSON text has there; its length when the text only ends too early. */
export function firstFault(text: string): number {
  const open: ('{' | '[')[] = [];
  let next: Next = 'value';
  for (let at = 0; ;) {
    at = endOf(blank, text, at) ?? at;
    if (at === text.length) return at;
    const isString = text[at] === '"';
    const end = isString ? stringEnd(text, at) : endOf(token, text, at);
    if (end === null) return at;
    if (end < 0) return -end;
    const follows = after(next, isString ? 'string' : (text[at] ?? ''), open);
    if (follows === null) return at;
    next = follows;
    at = end;
  }
}

/** What may follow a token, and null where it may not stand. @param token its first character, or `string` */
function after(next: Next, token: string, open: ('{' | '[')[]): Next | null {
  const value = (): Next => (open.length === 0 ? 'end of text' : 'comma or end');
  const last = open.at(-1);
  switch (token) {
    case '}':
    case ']':
      if (!next.endsWith('or end') || last !== (token === '}' ? '{' : '[')) return null;
      open.pop();
      return value();
    case ',':
      return next === 'comma or end' ? (last === '{' ? 'key' : 'value') : null;
    case ':':
      return next === 'colon' ? 'value' : null;
    case '{':
    case '[':
      if (!next.startsWith('value')) return null;
      open.push(token);
      return token === '{' ? 'key or end' : 'value or end';
    case 'string':
      if (next.startsWith('key')) return 'colon';
      return next.startsWith('value') ? value() : null;
    default:
      return next.startsWith('value') ? value() : null;
  }
}

/** End of the string that begins at `start`; minus the place of the fault in it. */
function stringEnd(text: string, start: number): number {
  for (let at = start + 1; ;) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    // A control character, or the end of the text (NaN).
    if (!(code >= 0x20)) return -at;
    const end = code === 0x5c ? endOf(escape, text, at) : at + 1;
    if (end === null) return -at;
    at = end;
  }
}

function endOf(pattern: RegExp, text: string, at: number): number | null {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : null;
}
