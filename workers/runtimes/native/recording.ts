/**
 * From what a function did with tensors to a FunctionDef: the ops that its results need, in their order, with names of
 * inputs and the attributes that an eager op infers and a node must state.
 *
 * A tensor is an input, the result of a recorded op, or a constant: one made of values meanwhile, or one from before.
 */
import { type RecordedConstant, RecordingError } from '../../models/training.js';
import { kinds, type OpAttribute, type TensorMetadata, types } from './addon.js';
import type { Recorder } from './binding.js';
import {
  type Constant,
  floatsOf,
  type FunctionDefinition,
  type NodeAttribute,
  shortest,
  valuesIn,
} from './function-def.js';
import { FunctionNodes } from './function-nodes.js';
import { type Lifetimes, lifetimesOf, Releases } from './lifetimes.js';
import type { OpArgument, OpDefinition } from './op-list.js';
import { type RecordedOp, simplified } from './simplify.js';

/** An input with its type, taken before the function runs, which may free it. */
export interface RecordedInput {
  readonly id: number;
  readonly type: number;
  readonly shape: readonly number[];
  /** It is given as a variable. */
  readonly isVariable: boolean;
}

export interface RecordedDevice {
  /** A tensor from before the recording. */
  readonly constantOf: (id: number) => Constant;
  /** Frees the memory of a tensor that tfjs will free. */
  readonly release: (id: number) => void;
}

/** Sees one run of a function. */
export class OpRecorder implements Recorder {
  readonly #constants = new Map<number, Constant>();
  #ops: RecordedOp[] = [];
  /** By the id of a result. */
  readonly #makers = new Map<number, RecordedOp>();
  readonly #definitions: ReadonlyMap<string, OpDefinition>;
  readonly #inputs: readonly RecordedInput[];
  readonly #known: Set<number>;
  readonly #device: RecordedDevice;
  readonly #releases: Releases | undefined;

  /** @param like lifetimes of an earlier recording of this function; absent = nothing is freed before its end */
  constructor(
    definitions: ReadonlyMap<string, OpDefinition>,
    inputs: readonly RecordedInput[],
    device: RecordedDevice,
    like?: Lifetimes,
  ) {
    this.#definitions = definitions;
    this.#inputs = inputs;
    this.#known = new Set(inputs.map(({ id }) => id));
    this.#device = device;
    this.#releases = like === undefined ? undefined : new Releases(like);
  }

  made(id: number, type: number, shape: readonly number[], bytes: Uint8Array): void {
    this.#known.add(id);
    this.#constants.set(id, shortest({ type, shape, bytes }));
  }

  ran(
    op: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: readonly TensorMetadata[],
  ): void {
    for (const id of inputs) {
      if (!this.#known.has(id)) this.#constants.set(id, this.#device.constantOf(id));
      this.#known.add(id);
    }
    const recorded = { op, attributes: [...attributes], inputs: [...inputs], outputs: [...outputs] };
    this.#ops.push(recorded);
    for (const { id } of outputs) {
      this.#known.add(id);
      this.#makers.set(id, recorded);
    }
    for (const id of this.#releases?.after(recorded) ?? []) this.#device.release(id);
  }

  /** Call before `finish`. @param results ids */
  lifetimes(results: readonly number[]): Lifetimes {
    return lifetimesOf(this.#ops, results);
  }

  read(id: number): void {
    // What JavaScript does with a result is not part of a program.
    if (this.#makers.has(id)) throw new RecordingError('it reads a result in the middle');
  }

  /** Ids of constants that differ from run to run, in the order in which they were made. */
  claimed(isInput: (constant: RecordedConstant) => boolean): number[] {
    return [...this.#constants]
      .filter(([, constant]) => {
        const { type, shape } = constant;
        if (type !== types.float32 || valuesIn(shape) <= 1) return false;
        return isInput({ shape, values: () => floatsOf(constant) });
      })
      .map(([id]) => id);
  }

  /**
   * @param further constants that are inputs after the others
   * @param assigned variables that take the first results
   * @throws RecordingError naming an op that has no form as a node
   */
  finish(
    name: string,
    further: readonly number[],
    results: readonly number[],
    assigned: readonly number[],
  ): FunctionDefinition {
    this.#simplify(new Set([...this.#inputs.map(({ id }) => id), ...further]));
    const typeOf = (id: number): number => {
      const type =
        this.#inputs.find((input) => input.id === id)?.type ??
        this.#constants.get(id)?.type ??
        this.#makers.get(id)?.outputs.find((output) => output.id === id)?.dtype;
      if (type === undefined) throw new RecordingError('it uses a tensor that no operation has made');
      return type;
    };
    const nodes = new FunctionNodes((id) => this.#constants.get(id) ?? this.#device.constantOf(id));
    for (const { id, type, isVariable } of this.#inputs) nodes.argument(id, type, isVariable);
    for (const id of further) nodes.argument(id, typeOf(id), false);
    const needed = this.#needed(results);
    for (const op of this.#ops) {
      if (!needed.has(op)) continue;
      const definition = this.#definitions.get(op.op);
      if (definition === undefined) throw new RecordingError(`its op ${op.op} is not known`);
      if (changedInPlace(op, definition, assigned, nodes)) continue;
      const attributes = stated(op, definition, typeOf);
      const sources = op.inputs.map((id) => nodes.referenceOf(id));
      const node = nodes.add(op.op, sources, attributes);
      outputNames(op, definition, attributes).forEach((output, at) => {
        const id = op.outputs[at]?.id;
        if (id !== undefined) nodes.result(id, node, output);
      });
    }
    assigned.forEach((id, at) => {
      const result = results[at];
      if (result !== undefined) nodes.assign(id, result);
    });
    return nodes.function(
      name,
      results.slice(assigned.length).map((id) => ({ id, type: typeOf(id) })),
    );
  }

  /** @param given ids whose values are not known: they differ from run to run */
  #simplify(given: ReadonlySet<number>): void {
    const { ops, constants } = simplified(this.#ops, {
      shapeOf: (id) =>
        this.#makers.get(id)?.outputs.find((output) => output.id === id)?.shape ??
        this.#constants.get(id)?.shape ??
        (given.has(id) ? this.#shapeOf(id) : null),
      constantOf: (id) => (given.has(id) ? undefined : this.#constants.get(id)),
    });
    this.#ops = [...ops];
    for (const op of ops) for (const { id } of op.outputs) this.#makers.set(id, op);
    for (const [id, constant] of constants) this.#constants.set(id, constant);
  }

  #shapeOf(id: number): readonly number[] | null {
    return this.#inputs.find((input) => input.id === id)?.shape ?? null;
  }

  /** The ops that the results need. */
  #needed(results: readonly number[]): ReadonlySet<RecordedOp> {
    const needed = new Set<RecordedOp>();
    const waiting = [...results];
    for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
      const maker = this.#makers.get(id);
      if (maker === undefined || needed.has(maker)) continue;
      needed.add(maker);
      waiting.push(...maker.inputs);
    }
    return needed;
  }
}

/**
 * Makes the op one that changes its variables, if it has such a form, and they take its results.
 * @returns whether it has
 */
function changedInPlace(
  { inputs, outputs }: RecordedOp,
  { inPlace }: OpDefinition,
  assigned: readonly number[],
  nodes: FunctionNodes,
): boolean {
  const variables = inputs.slice(0, inPlace?.variables);
  if (inPlace === undefined || !variables.every((id) => assigned.includes(id))) return false;
  const constants = inPlace.constants.map((value) => nodes.constant(value));
  const others = inputs.slice(variables.length).map((id) => nodes.referenceOf(id));
  nodes.change(
    { op: inPlace.op, attributes: inPlace.attributes, inputs: [...constants, ...others] },
    variables,
    outputs.map(({ id }) => id),
  );
  return true;
}

/** Attributes of a node: those given, and those that an eager op takes from its inputs. */
function stated(
  { op, attributes, inputs }: RecordedOp,
  { inputs: args, attributes: all }: OpDefinition,
  typeOf: (id: number) => number,
): NodeAttribute[] {
  const found = new Map<string, OpAttribute>(attributes.map((attribute) => [attribute.name, attribute]));
  const add = (name: string, type: number, value: OpAttribute['value']): void => {
    if (name !== '' && !found.has(name)) found.set(name, { name, type, value });
  };
  let at = 0;
  for (const argument of args) {
    const count =
      argument.numberAttribute === ''
        ? 1
        : numberOf(found.get(argument.numberAttribute), inputs.length - args.length + 1);
    add(argument.numberAttribute, kinds.int, count);
    const first = inputs[at];
    if (first !== undefined) add(argument.typeAttribute, kinds.type, typeOf(first));
    at += count;
  }
  const missing = all.find(({ name, hasDefault }) => !hasDefault && !found.has(name));
  if (missing !== undefined || at !== inputs.length) throw new RecordingError(`its op ${op} has no form in a program`);
  const known = new Set(all.map(({ name }) => name));
  return [...found.values()].filter(({ name }) => known.has(name));
}

/** `name:index` of each output of a node, in their order. */
function outputNames({ op }: RecordedOp, { outputs }: OpDefinition, attributes: readonly NodeAttribute[]): string[] {
  return outputs.flatMap(({ name, numberAttribute, typeListAttribute }: OpArgument) => {
    if (typeListAttribute !== '') throw new RecordingError(`its op ${op} has no form in a program`);
    if (numberAttribute === '') return [`${name}:0`];
    const number = attributes.find((attribute) => attribute.name === numberAttribute);
    const count = number !== undefined && 'value' in number ? numberOf(number, 1) : 1;
    return Array.from({ length: count }, (_, index) => `${name}:${String(index)}`);
  });
}

function numberOf(attribute: OpAttribute | undefined, otherwise: number): number {
  return typeof attribute?.value === 'number' ? attribute.value : otherwise;
}
