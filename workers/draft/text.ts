/** A commented YAML text. Pure. */

/** One key: its value, and above it why it has that value. */
export interface Entry {
  readonly key: string;
  /** Sentences above the key; absent = none. */
  readonly why?: string;
  readonly value: Flow | readonly Entry[] | { readonly list: readonly Item[] };
}

/** One element of a list, on a line of its own. */
interface Item {
  readonly why?: string;
  readonly value: Flow;
}

/** Written in one line. */
export interface Flow {
  readonly flow: unknown;
}

const widest = 110;

/** @returns lines with a line end each */
export function yamlText(head: readonly string[], entries: readonly Entry[]): string {
  return [...head.flatMap((line) => comment(line, '')), ...entries.flatMap((entry) => linesOf(entry, ''))]
    .map((line) => `${line}\n`)
    .join('');
}

function linesOf({ key, why, value }: Entry, indent: string): string[] {
  const above = why === undefined ? [] : comment(why, indent);
  if ('flow' in value) return [...above, `${indent}${key}: ${flowText(value.flow)}`];
  const deeper = `${indent}  `;
  if ('list' in value) {
    const items = value.list.flatMap(({ why: reason, value: { flow } }) => [
      ...(reason === undefined ? [] : comment(reason, deeper)),
      `${deeper}- ${flowText(flow)}`,
    ]);
    return [...above, `${indent}${key}:`, ...items];
  }
  return [...above, `${indent}${key}:`, ...value.flatMap((entry) => linesOf(entry, deeper))];
}

function comment(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = '';
  // Names of files and columns come from people: what ends a line would end the comment.
  for (const word of text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, ' ').split(' ')) {
    if (line !== '' && indent.length + 2 + line.length + 1 + word.length > widest) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  lines.push(line);
  return lines.map((each) => `${indent}# ${each}`.trimEnd());
}

/** A value in one line: plain words as they are, every other text in JSON's quotes, which YAML reads alike. */
function flowText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(flowText).join(', ')}]`;
  if (typeof value === 'object' && value !== null) {
    const pairs = Object.entries(value).filter(([, each]) => each !== undefined);
    return pairs.length === 0 ? '{}' : `{ ${pairs.map(([key, each]) => `${key}: ${flowText(each)}`).join(', ')} }`;
  }
  return typeof value === 'string' && !isPlain(value) ? quoted(value) : String(value);
}

/** Words that YAML does not read as texts. */
const meaningful = /^(?:true|false|yes|no|on|off|null|y|n|~)$/i;

function isPlain(text: string): boolean {
  return (
    /^(?:[A-Za-z][\w.-]*(?:\/[\w.-]+)*|[a-z0-9]+:\/\/[\w./-]+)$/.test(text) &&
    !meaningful.test(text) &&
    !text.endsWith('.')
  );
}

function quoted(text: string): string {
  return text.includes("'") || /[^\x20-\x7e]/.test(text) || text.includes('\\')
    ? JSON.stringify(text)
        .replaceAll('\u2028', '\\u2028')
        .replaceAll('\u2029', '\\u2029')
        .replaceAll('\u0085', '\\u0085')
        .replaceAll('\x7f', '\\u007f')
    : `'${text}'`;
}
