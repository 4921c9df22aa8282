/**
 * The nodes of a function that is made of recorded ops: names, and what a node refers to. An argument may be a variable: it is
 * read where an op needs its value, and changed at the end, or in place by an op that has such a form.
 *
 * Invariant: every read of a variable's former value comes before its change. The nodes themselves are in no order.
 */
import { types } from './addon.js';
import {
  type Constant,
  constantNode,
  dtypeOf,
  type FunctionArgument,
  type FunctionDefinition,
  type FunctionNode,
  type NodeAttribute,
} from './function-def.js';
import { variableOps } from './variables.js';

/** An argument that holds a tensor. */
interface Variable {
  readonly argument: string;
  readonly type: number;
  /** Nodes that read its former value. */
  readonly reads: string[];
  /** The node that changes it in place, and the one that reads it afterwards. */
  changedBy: string | null;
  readAfter: string | null;
}

export class FunctionNodes {
  readonly #arguments: FunctionArgument[] = [];
  readonly #nodes: FunctionNode[] = [];
  /** Made when all reads are known. */
  readonly #changes: (() => FunctionNode)[] = [];
  /** By the id of a tensor. */
  readonly #references = new Map<number, string>();
  readonly #variables = new Map<number, Variable>();
  /** Ids of results that a variable holds after its change. */
  readonly #changed = new Map<number, Variable>();
  readonly #constantOf: (id: number) => Constant;
  #named = 0;

  /** @param constantOf a tensor that is neither an argument nor a result */
  constructor(constantOf: (id: number) => Constant) {
    this.#constantOf = constantOf;
  }

  /** @param isVariable whether it is given as a variable */
  argument(id: number, type: number, isVariable: boolean): void {
    const name = `a${String(this.#arguments.length)}`;
    this.#arguments.push({ name, type: isVariable ? types.resource : type });
    if (isVariable) this.#variables.set(id, { argument: name, type, reads: [], changedBy: null, readAfter: null });
    // The first of two equal inputs counts.
    else if (!this.#references.has(id)) this.#references.set(id, name);
  }

  /** As an input of a node. */
  referenceOf(id: number): string {
    return this.#references.get(id) ?? this.#read(id) ?? this.#refer(id, this.constant(this.#constantOf(id)));
  }

  /** @returns what refers to it */
  constant(value: Constant): string {
    const name = this.#name();
    this.#nodes.push(constantNode(name, value));
    return `${name}:output:0`;
  }

  /** @returns the name of the node */
  add(op: string, inputs: readonly string[], attributes: readonly NodeAttribute[]): string {
    const name = this.#name();
    this.#nodes.push({ name, op, inputs, attributes });
    return name;
  }

  /** @param output `name:index` of an output of the node */
  result(id: number, node: string, output: string): void {
    if (!this.#references.has(id)) this.#references.set(id, `${node}:${output}`);
  }

  /**
   * Adds an op that changes variables, its first inputs.
   * @param inputs the others
   * @param results ids of the variables' new values
   */
  change(
    { op, inputs, attributes }: Omit<FunctionNode, 'name'>,
    variables: readonly number[],
    results: readonly number[],
  ): void {
    const changed = variables.map((id) => this.#variable(id));
    const name = this.#name();
    changed.forEach((variable, at) => {
      if (variable.changedBy !== null) throw new Error(`native: ${variable.argument} is changed twice`);
      variable.changedBy = name;
      const result = results[at];
      if (result !== undefined) this.#changed.set(result, variable);
    });
    const handles = changed.map(({ argument }) => argument);
    this.#changes.push(() => ({
      name,
      op,
      attributes,
      inputs: [...handles, ...inputs, ...changed.flatMap(({ reads }) => reads.map(after))],
    }));
  }

  /** Gives a variable its new value, unless it has that already. */
  assign(id: number, result: number): void {
    const variable = this.#variable(id);
    if (result === id || this.#changed.get(result) === variable) return;
    const value = this.referenceOf(result);
    const name = this.#name();
    this.#changes.push(() => {
      const { argument, type, reads, changedBy, readAfter } = variable;
      const earlier = [...reads, changedBy, readAfter].filter((node) => node !== null);
      return {
        name,
        op: variableOps.assign,
        attributes: [dtypeOf(type)],
        inputs: [argument, value, ...earlier.map(after)],
      };
    });
  }

  /** @param outputs ids of the results, with their types */
  function(name: string, outputs: readonly { readonly id: number; readonly type: number }[]): FunctionDefinition {
    const results = outputs.map(({ id, type }, at) => ({ name: `r${String(at)}`, type, value: this.referenceOf(id) }));
    const changes = this.#changes.map((change) => change());
    return {
      name,
      inputs: this.#arguments,
      outputs: results,
      nodes: [...this.#nodes, ...changes],
      effects: changes.map((node) => node.name),
    };
  }

  #name(): string {
    return `n${String(this.#named++)}`;
  }

  #variable(id: number): Variable {
    const variable = this.#variables.get(id);
    if (variable === undefined) throw new Error(`native: tensor ${String(id)} is no variable of the function`);
    return variable;
  }

  #read(id: number): string | null {
    const changed = this.#changed.get(id);
    const variable = changed ?? this.#variables.get(id);
    if (variable === undefined) return null;
    const { argument, type, changedBy, reads } = variable;
    const isFormer = changed === undefined || changedBy === null;
    const node = this.add(variableOps.read, isFormer ? [argument] : [argument, after(changedBy)], [dtypeOf(type)]);
    if (isFormer) reads.push(node);
    else variable.readAfter = node;
    return this.#refer(id, `${node}:value:0`);
  }

  #refer(id: number, reference: string): string {
    this.#references.set(id, reference);
    return reference;
  }
}

/** As an input that only orders two nodes. */
const after = (node: string): string => `^${node}`;
