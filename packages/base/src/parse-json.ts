/** A parameter of JSON.parse whose third argument is in every Node that this project runs with. */
export type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

const colon = /\s*:/y;

/**
 * As JSON.parse, for texts whose names are data. After a name with a backslash in it, JSON.parse may take another name for
 * that one: a name of the same length whose text, as it is written, begins with it, such as "\n" after "\\"
 * (https://github.com/nodejs/node/issues/63785, V8 13.6 and 14.6). Texts with such names are read under other names.
 * @throws SyntaxError as JSON.parse does; RangeError with a reviver, for a text that is nested deeper than the stack
 */
export function parseJson(text: string, reviver?: Reviver): unknown {
  const parse = (from: string): unknown => JSON.parse(from, reviver as (key: string, value: unknown) => unknown);
  const value = parse(text);
  // A name that was taken for another one has a backslash in it as that one has.
  if (!text.includes('\\') || !hasBackslashName(value)) return value;
  const { aliased, names } = aliasesOf(text);
  return renamed(parse(aliased), names);
}

/** A valid text with "n0", "n1" … as names. Strings are walked by hand: they may be too long for a pattern. */
function aliasesOf(text: string): { readonly aliased: string; readonly names: readonly string[] } {
  const aliases = new Map<string, string>();
  const parts: string[] = [];
  let done = 0;
  for (let start = text.indexOf('"'); start >= 0;) {
    let end = start + 1;
    for (; text[end] !== '"'; end++) if (text[end] === '\\') end++;
    colon.lastIndex = ++end;
    if (colon.test(text)) {
      const name = JSON.parse(text.slice(start, end)) as string;
      const alias = aliases.get(name) ?? `"n${String(aliases.size)}"`;
      aliases.set(name, alias);
      parts.push(text.slice(done, start), alias);
      done = end;
    }
    start = text.indexOf('"', end);
  }
  return { aliased: parts.join('') + text.slice(done), names: [...aliases.keys()] };
}

function hasBackslashName(value: unknown): boolean {
  for (const object of objectsIn(value)) if (Object.keys(object).some((name) => name.includes('\\'))) return true;
  return false;
}

/** Gives the objects of a value their names back, in place. */
function renamed(value: unknown, names: readonly string[]): unknown {
  for (const object of objectsIn(value)) {
    const members = Object.entries(object);
    for (const [alias] of members) Reflect.deleteProperty(object, alias);
    for (const [alias, member] of members) {
      const name = names[Number(alias.slice(1))] ?? alias;
      Object.defineProperty(object, name, { value: member, configurable: true, enumerable: true, writable: true });
    }
  }
  return value;
}

/** Without recursion: a value may be nested deeper than a stack. */
function* objectsIn(value: unknown): Generator<object> {
  const pending = [value];
  while (pending.length > 0) {
    const each = pending.pop();
    if (typeof each !== 'object' || each === null) continue;
    if (!Array.isArray(each)) yield each;
    for (const member of Object.values(each)) if (typeof member === 'object') pending.push(member);
  }
}
