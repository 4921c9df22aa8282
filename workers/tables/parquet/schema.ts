/**
 * The columns of a Parquet file: what each holds, and how its values are stored. Pure.
 *
 * Read are numbers, texts and bytes, lists of them, and the pair of bytes and path that Hugging Face writes for images
 * and sounds (its bytes are the cell). Anything else is a column that says so when it is read.
 */
import type { ParquetType, SchemaElement } from 'hyparquet';

import type { NumberType } from '../table.js';
import { Damage } from './damage.js';

/** What the stored values mean. */
export type Meaning =
  | { readonly is: 'number'; readonly dtype: NumberType; readonly decimalScale?: number }
  | { readonly is: 'half' }
  | { readonly is: 'boolean' }
  | { readonly is: 'text' }
  | { readonly is: 'bytes' };

/** One stored sequence of values. */
export interface Leaf {
  /** Its index among the chunks of a row group. */
  readonly index: number;
  readonly path: readonly string[];
  readonly type: ParquetType;
  /** Bytes of a value of FIXED_LEN_BYTE_ARRAY. */
  readonly width: number;
  readonly meaning: Meaning;
  readonly maxDefinition: number;
  /** Definition levels from which on the list of each depth has elements. */
  readonly lists: readonly number[];
  /** Definition level from which on the pair around the value is there; null without a pair. */
  readonly pair: number | null;
}

export type ParquetColumn =
  | { readonly name: string; readonly leaf: Leaf }
  /** @param holds what it holds, as a noun */
  | { readonly name: string; readonly leaf: null; readonly holds: string };

interface Node {
  readonly element: SchemaElement;
  readonly path: readonly string[];
  readonly children: readonly Node[];
  /** Of a leaf: its index among the leaves. */
  readonly index: number;
}

const maxElements = 1 << 16;
const maxDepth = 32;
const maxWidth = 1 << 20;

/** @throws Damage for a schema that is no tree */
export function columnsOf(schema: readonly SchemaElement[]): readonly ParquetColumn[] {
  const [root, ...elements] = schema;
  if (root === undefined || elements.length > maxElements) throw new Damage('the schema is empty or too large');
  const left = new Elements(elements);
  const children = left.children(root.num_children ?? 0, [], 0);
  if (!left.isEmpty) throw new Damage('the schema has elements outside its tree');
  return children.map(columnOf);
}

class Elements {
  #next = 0;
  #leaves = 0;

  constructor(private readonly elements: readonly SchemaElement[]) {}

  get isEmpty(): boolean {
    return this.#next === this.elements.length;
  }

  children(count: number, above: readonly string[], depth: number): readonly Node[] {
    if (depth > maxDepth || count > this.elements.length) throw new Damage('the schema is nested too deep');
    return Array.from({ length: count }, () => {
      const element = this.elements[this.#next++];
      if (element === undefined) throw new Damage('the schema ends too early');
      const path = [...above, element.name];
      const index = element.type === undefined ? -1 : this.#leaves++;
      const children = element.type === undefined ? this.children(element.num_children ?? 0, path, depth + 1) : [];
      return { element, path, children, index };
    });
  }
}

/** Levels above a value. */
interface Above {
  readonly definition: number;
  readonly lists: readonly number[];
  readonly pair: number | null;
}

function columnOf(node: Node): ParquetColumn {
  const { name } = node.element;
  const found = leafBelow(node, { definition: 0, lists: [], pair: null });
  return typeof found === 'string' ? { name, leaf: null, holds: found } : { name, leaf: found };
}

/** The only leaf that a column has, or what the column holds instead. */
function leafBelow(node: Node, above: Above): Leaf | string {
  const here = levelsAt(node, above);
  if (node.element.type !== undefined) return leafOf(node, here);
  if (isList(node)) {
    const [repeated] = node.children;
    if (repeated === undefined || node.children.length !== 1) return 'a list of another kind';
    const [item, ...more] = repeated.children;
    // Two ways to write a list: the repeated element is the item, or a group around it.
    const isGroup = repeated.element.type === undefined && more.length === 0 && item !== undefined;
    return isGroup ? leafBelow(item, levelsAt(repeated, here)) : leafBelow(repeated, here);
  }
  const bytes = node.children.find(({ element }) => element.name === 'bytes' && element.type === 'BYTE_ARRAY');
  const isPair = node.children.length === 2 && node.children.some(({ element }) => element.name === 'path');
  if (bytes !== undefined && isPair && here.pair === null) return leafBelow(bytes, { ...here, pair: here.definition });
  const isMap = node.element.converted_type === 'MAP' || node.element.logical_type?.type === 'MAP';
  return isMap ? 'a map' : `a struct of ${node.children.map(({ element }) => element.name).join(', ')}`;
}

function levelsAt({ element }: Node, above: Above): Above {
  const definition = above.definition + (element.repetition_type === 'REQUIRED' ? 0 : 1);
  return element.repetition_type === 'REPEATED'
    ? { ...above, definition, lists: [...above.lists, definition] }
    : { ...above, definition };
}

function isList({ element, children }: Node): boolean {
  const isNamed = element.converted_type === 'LIST' || element.logical_type?.type === 'LIST';
  return isNamed && children[0]?.element.repetition_type === 'REPEATED';
}

function leafOf({ element, path, index }: Node, above: Above): Leaf | string {
  const { type, type_length: width = 0 } = element;
  if (type === undefined) return 'a struct';
  const meaning = meaningOf(type, element);
  if (typeof meaning === 'string') return meaning;
  if (type === 'FIXED_LEN_BYTE_ARRAY' && (width < 1 || width > maxWidth)) return `values of ${String(width)} bytes`;
  const { definition, lists, pair } = above;
  return { index, path, type, width, meaning, maxDefinition: definition, lists, pair };
}

function meaningOf(type: ParquetType, element: SchemaElement): Meaning | string {
  const { converted_type: converted, logical_type: logical } = element;
  if (converted === 'DECIMAL' || logical?.type === 'DECIMAL') return decimalOf(type, element);
  switch (type) {
    case 'BOOLEAN':
      return { is: 'boolean' };
    case 'FLOAT':
      return { is: 'number', dtype: 'float32' };
    case 'DOUBLE':
      return { is: 'number', dtype: 'float64' };
    case 'INT32':
    case 'INT64':
      return { is: 'number', dtype: integerType(type, element) };
    case 'INT96':
      return 'times in the old form of 96 bits';
    case 'FIXED_LEN_BYTE_ARRAY':
      return logical?.type === 'FLOAT16' && element.type_length === 2 ? { is: 'half' } : { is: 'bytes' };
    case 'BYTE_ARRAY': {
      const isText =
        (converted !== undefined && ['UTF8', 'ENUM', 'JSON'].includes(converted)) ||
        (logical !== undefined && ['STRING', 'ENUM', 'JSON'].includes(logical.type));
      return { is: isText ? 'text' : 'bytes' };
    }
  }
}

function decimalOf(type: ParquetType, { scale, logical_type: logical }: SchemaElement): Meaning | string {
  const decimalScale = logical?.type === 'DECIMAL' ? logical.scale : (scale ?? 0);
  const isStored = type !== 'BOOLEAN' && type !== 'FLOAT' && type !== 'DOUBLE' && type !== 'INT96';
  if (!isStored || !Number.isInteger(decimalScale) || Math.abs(decimalScale) > 400) return 'decimals of another kind';
  return { is: 'number', dtype: 'float64', decimalScale };
}

const integerTypes = ['uint8', 'int8', 'uint16', 'int16', 'uint32', 'int32', 'uint64', 'int64'] as const;

function integerType(type: 'INT32' | 'INT64', { converted_type: converted, logical_type: logical }: SchemaElement) {
  const stored = type === 'INT32' ? 'int32' : 'int64';
  const named =
    logical?.type === 'INTEGER'
      ? `${logical.isSigned ? '' : 'u'}int${String(logical.bitWidth)}`
      : (converted ?? '').toLowerCase().replace('_', '');
  const known = integerTypes.find((each) => each === named) ?? stored;
  // A narrow type is stored in 32 bits; a wide one needs them all.
  return known.endsWith('64') === (type === 'INT64') ? known : stored;
}
