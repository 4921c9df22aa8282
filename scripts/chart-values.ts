/**
 * What follows from the chart's values.yaml: the schema that helm checks values against, and the table of the chart's README.
 * A comment above a key is its meaning; the default says the type of a simple value, and chart-shapes.ts that of the others.
 */
import { parse } from 'yaml';

import { type JsonSchema, shapes } from './chart-shapes.ts';

export const valuesFile = 'charts/distillery/values.yaml';

interface Value {
  readonly path: readonly string[];
  readonly meaning: string;
  readonly fallback: unknown;
}

/** Every key that stands on a line of its own, in the order of the file. */
function valuesIn(text: string): Value[] {
  const defaults: unknown = parse(text);
  const found: Value[] = [];
  let above: string[] = [];
  const parents: { readonly indent: number; readonly key: string }[] = [];
  for (const line of text.split('\n')) {
    const comment = /^ *# ?(.*)$/.exec(line)?.[1];
    const [, spaces, key] = /^( *)([A-Za-z][A-Za-z0-9]*):/.exec(line) ?? [];
    if (comment !== undefined) above.push(comment);
    else if (spaces === undefined || key === undefined) above = [];
    else {
      while ((parents.at(-1)?.indent ?? -1) >= spaces.length) parents.pop();
      parents.push({ indent: spaces.length, key });
      const path = parents.map((parent) => parent.key);
      found.push({ path, meaning: meaningOf(above), fallback: at(defaults, path) });
      above = [];
    }
  }
  return found;
}

/** Lines that are indented further are an example; the last one of a block is shown. */
function meaningOf(lines: readonly string[]): string {
  const isExample = (line: string): boolean => /^ {2}[a-z]\w*: [^A-Z]*[{[]/.test(line);
  const words = lines.filter((line) => !isExample(line)).map((line) => line.trim());
  const examples = lines.filter(isExample).map((line) => `\`${line.trim()}\``);
  return [words.join(' '), ...examples].filter((part) => part !== '').join(' ');
}

function at(value: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Readonly<Record<string, unknown>>)[key], value);
}

const dotted = ({ path }: Value): string => path.join('.');

/** Values that a person sets as a whole: those with a shape, and those without keys below them. */
function leavesOf(values: readonly Value[]): Value[] {
  const names = values.map(dotted);
  const shaped = (path: string): boolean =>
    Object.keys(shapes).some((shape) => path !== shape && path.startsWith(`${shape}.`));
  return values.filter((value) => {
    const name = dotted(value);
    if (shaped(name)) return false;
    return name in shapes || !names.some((other) => other.startsWith(`${name}.`));
  });
}

/** @throws Error for a value whose type neither its default nor a shape says */
function schemaOf(value: Value): JsonSchema {
  const shape = shapes[dotted(value)];
  if (shape !== undefined) return shape;
  switch (typeof value.fallback) {
    case 'boolean':
      return { type: 'boolean' };
    case 'string':
      return { type: 'string' };
    case 'number':
      return { type: 'integer', minimum: 0 };
    default:
      throw new Error(
        `${valuesFile}: ${dotted(value)}: its default says no type; add a shape to scripts/chart-shapes.ts`,
      );
  }
}

interface ObjectSchema {
  readonly type: 'object';
  readonly additionalProperties: false;
  readonly properties: Record<string, JsonSchema | ObjectSchema>;
}

const emptyObject = (): ObjectSchema => ({ type: 'object', additionalProperties: false, properties: {} });

/** Text of values.schema.json. @throws Error for a shape without a value, or a value without a type */
export function renderValuesSchema(text: string): string {
  const values = valuesIn(text);
  const leaves = leavesOf(values);
  for (const name of Object.keys(shapes)) {
    if (!leaves.some((leaf) => dotted(leaf) === name)) {
      throw new Error(`scripts/chart-shapes.ts: ${name}: ${valuesFile} has no such value; remove the shape`);
    }
  }
  const root = emptyObject();
  for (const leaf of leaves) {
    let parent = root;
    for (const key of leaf.path.slice(0, -1)) {
      parent = (parent.properties[key] ??= emptyObject()) as ObjectSchema;
    }
    parent.properties[leaf.path.at(-1) ?? ''] = schemaOf(leaf);
  }
  // A chart that has this one as a dependency passes it.
  root.properties.global = { type: 'object' };
  return `${JSON.stringify({ $schema: 'http://json-schema.org/draft-07/schema#', ...root }, null, 2)}\n`;
}

/** The table of the README: every value, and every section that has a meaning of its own. */
export function renderValuesTable(text: string): string {
  const values = valuesIn(text);
  const leaves = new Set(leavesOf(values).map(dotted));
  const rows = values
    .filter((value) => leaves.has(dotted(value)) || (value.meaning !== '' && !isWithinLeaf(value, leaves)))
    .map((value) => {
      const fallback = leaves.has(dotted(value)) ? `\`${JSON.stringify(value.fallback)}\`` : '';
      return `| \`${dotted(value)}\` | ${fallback} | ${value.meaning.replaceAll('|', String.raw`\|`)} |`;
    });
  return ['| value | default | meaning |', '| --- | --- | --- |', ...rows, ''].join('\n');
}

function isWithinLeaf(value: Value, leaves: ReadonlySet<string>): boolean {
  return value.path.some((_, depth) => depth > 0 && leaves.has(value.path.slice(0, depth).join('.')));
}
