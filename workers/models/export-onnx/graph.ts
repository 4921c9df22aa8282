/** Collects the nodes and constants of a graph under names of their own. */
import type { Attribute, ElementType, Initializer, OnnxNode } from './model.js';

/** A tensor of the graph for one batch. */
export interface Value {
  readonly name: string;
  readonly type: ElementType;
  /** Without the batch axis, which comes first. */
  readonly shape: readonly number[];
}

/** What a node reads: a value, a constant by its name, or `''` for an optional input that is left out. */
export type Operand = Value | string;

export class Graph {
  readonly nodes: OnnxNode[] = [];
  readonly initializers: Initializer[] = [];
  readonly #taken = new Set<string>();
  readonly #constants = new Map<string, string>();

  /** @returns the wish, or the wish with a number when it is taken */
  name(wish: string): string {
    let name = wish;
    for (let count = 1; this.#taken.has(name); count++) name = `${wish}_${String(count)}`;
    this.#taken.add(name);
    return name;
  }

  /** Adds a node. @returns the names of its outputs; those left out are not among them */
  node(
    scope: string,
    operator: string,
    operands: readonly Operand[],
    attributes: Readonly<Record<string, Attribute>> = {},
    outputs: readonly boolean[] = [true],
  ): string {
    const name = this.name(`${scope}/${operator}`);
    const inputs = operands.map((operand) => (typeof operand === 'string' ? operand : operand.name));
    const names = outputs.map((isUsed, at) => (isUsed ? `${name}:${String(at)}` : ''));
    this.nodes.push({ name, operator, inputs, outputs: names, attributes });
    return names.find((each) => each !== '') ?? '';
  }

  /** @returns the nodes with a value under the name that users of the file know; one that no node makes is passed on */
  nodesWith(value: Value, name: string): readonly OnnxNode[] {
    if (!this.nodes.some(({ outputs }) => outputs.includes(value.name))) {
      const passed = { name: this.name(`${name}/Identity`), operator: 'Identity', attributes: {} };
      return [...this.nodes, { ...passed, inputs: [value.name], outputs: [name] }];
    }
    const renamed = (names: readonly string[]): string[] => names.map((each) => (each === value.name ? name : each));
    return this.nodes.map((node) => ({ ...node, inputs: renamed(node.inputs), outputs: renamed(node.outputs) }));
  }

  /** @param values are asked when the file is written @returns the name */
  weight(wish: string, shape: readonly number[], values: Initializer['values']): string {
    const name = this.name(wish);
    this.initializers.push({ name, type: 'float32', shape, values });
    return name;
  }

  /** A constant of float32 numbers; equal ones are stored once. Without a shape, a scalar. */
  float(...values: readonly number[]): string {
    return this.#constant('float32', values.length === 1 ? [] : [values.length], values);
  }

  /** A list of whole numbers; equal ones are stored once. */
  ints(values: readonly number[]): string {
    return this.#constant('int64', [values.length], values);
  }

  #constant(type: 'float32' | 'int64', shape: readonly number[], values: readonly number[]): string {
    const key = `${type} ${shape.join()} ${values.join()}`;
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const name = this.name(`constant/${type}_${values.slice(0, 8).join('_')}`);
    const typed = type === 'float32' ? Float32Array.from(values) : BigInt64Array.from(values.map(BigInt));
    this.initializers.push({ name, type, shape, values: () => [typed] });
    this.#constants.set(key, name);
    return name;
  }
}
