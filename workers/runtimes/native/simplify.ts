/**
 * Recorded ops in the form in which TensorFlow computes them fastest. tfjs writes a gradient or a layer as many small ops,
 * each of which is a pass over memory; TensorFlow has one op for it, and fuses that one with its neighbors. Pure.
 *
 * Invariant: each result of the new ops is, but for rounding, the result of the same id of the old ones. What nothing needs
 * anymore is left in; it falls away with all else that no result needs.
 */
import { type OpAttribute, kinds, type TensorMetadata, types } from './addon.js';
import { type Constant, floatsOf } from './function-def.js';

export interface RecordedOp {
  readonly op: string;
  readonly attributes: readonly OpAttribute[];
  readonly inputs: readonly number[];
  readonly outputs: readonly TensorMetadata[];
}

export interface Known {
  /** Null where it is not known. */
  readonly shapeOf: (id: number) => readonly number[] | null;
  /** Undefined where the tensor is no constant. */
  readonly constantOf: (id: number) => Constant | undefined;
}

export interface Simplified {
  readonly ops: readonly RecordedOp[];
  /** Constants that the new ops use, by ids below 0. */
  readonly constants: ReadonlyMap<number, Constant>;
}

/** Ops of two inputs that are taken number by number, each repeated where it is smaller. */
const pairwise: ReadonlySet<string> = new Set(['Add', 'AddV2', 'Mul', 'RealDiv', 'Sub']);

export function simplified(ops: readonly RecordedOp[], known: Known): Simplified {
  const rules = new Rules(known);
  return { ops: ops.flatMap((op) => rules.applied(op)), constants: rules.constants };
}

class Rules {
  readonly constants = new Map<number, Constant>();
  readonly #known: Known;
  /** By the id of a result. */
  readonly #makers = new Map<number, RecordedOp>();
  /** The result of Relu, by its input. */
  readonly #reluResults = new Map<number, number>();
  /** What a repeated tensor repeats, by its id. */
  readonly #sources = new Map<number, number>();
  #nextId = -1;

  constructor(known: Known) {
    this.#known = known;
  }

  applied(op: RecordedOp): readonly RecordedOp[] {
    const ops = this.#reluGradient(op) ??
      this.#withBias(op) ??
      this.#biasGradient(op) ??
      this.#product(op) ??
      this.#repeats(op) ??
      this.#ofRepeated(op) ?? [op];
    for (const each of ops) for (const { id } of each.outputs) this.#makers.set(id, each);
    const [input, result] = [op.inputs[0], op.outputs[0]?.id];
    if (op.op === 'Relu' && input !== undefined && result !== undefined) this.#reluResults.set(input, result);
    return ops;
  }

  /** dy × step(x), where step is `x is NaN ? x : x > 0 ? 1 : 0`. */
  #reluGradient({ op, inputs: [left, right], outputs }: RecordedOp): readonly RecordedOp[] | null {
    if (op !== 'Mul' || left === undefined || right === undefined) return null;
    for (const [dy, mask] of [
      [left, right],
      [right, left],
    ] as const) {
      const x = this.#steppedOf(mask);
      if (x === null || !equal(this.#known.shapeOf(dy), this.#known.shapeOf(x))) continue;
      // Where the result of Relu is positive, its input is; the input need not be kept then.
      return [{ op: 'ReluGrad', attributes: [], inputs: [dy, this.#reluResults.get(x) ?? x], outputs }];
    }
    return null;
  }

  #steppedOf(mask: number): number | null {
    const cast = this.#makers.get(mask);
    const outer = cast?.op === 'Cast' ? this.#madeBy(cast, 0, 'Select') : undefined;
    if (outer === undefined) return null;
    const [isNan, inner, x] = [this.#madeBy(outer, 0, 'IsNan'), this.#madeBy(outer, 2, 'Select'), outer.inputs[1]];
    const greater = inner === undefined ? undefined : this.#madeBy(inner, 0, 'Greater');
    if (inner === undefined || x === undefined || isNan?.inputs[0] !== x || greater?.inputs[0] !== x) return null;
    const otherwise = this.#madeBy(inner, 2, 'Fill');
    const isStep =
      this.#isAll(greater.inputs[1], 0) && this.#isAll(inner.inputs[1], 1) && this.#isAll(otherwise?.inputs[1], 0);
    return isStep ? x : null;
  }

  /** Adds one number for each channel, the last axis. */
  #withBias({ op, inputs: [left, right], outputs }: RecordedOp): readonly RecordedOp[] | null {
    if ((op !== 'Add' && op !== 'AddV2') || left === undefined || right === undefined) return null;
    const shape = this.#known.shapeOf(left);
    const bias = this.#known.shapeOf(right);
    if (shape === null || bias?.length !== 1 || shape.length < 2 || shape.length > 4) return null;
    if (bias[0] !== shape.at(-1) || outputs[0]?.dtype !== types.float32) return null;
    return [{ op: 'BiasAdd', attributes: [], inputs: [left, right], outputs }];
  }

  /** The sum over all axes but the last. */
  #biasGradient({ op, attributes, inputs: [dy, axes], outputs }: RecordedOp): readonly RecordedOp[] | null {
    if (op !== 'Sum' || dy === undefined || axes === undefined || outputs[0]?.dtype !== types.float32) return null;
    const shape = this.#known.shapeOf(dy);
    const values = this.#integersOf(axes);
    if (shape === null || values === null || shape.length < 2 || shape.length > 4) return null;
    if (attributes.some(({ name, value }) => name === 'keep_dims' && value === true)) return null;
    const wanted = shape.slice(1).map((_, at) => at);
    if (
      !equal(
        [...values].sort((a, b) => a - b),
        wanted,
      ) ||
      outputs[0].shape.length !== 1
    )
      return null;
    return [{ op: 'BiasAddGrad', attributes: [], inputs: [dy], outputs }];
  }

  /** A product of two matrices, written as many products of which there is one. */
  #product({ op, attributes, inputs: [left, right], outputs }: RecordedOp): readonly RecordedOp[] | null {
    const [result] = outputs;
    if (op !== 'BatchMatMulV2' || left === undefined || right === undefined || result === undefined) return null;
    const [a, b] = [this.#asMatrix(left), this.#asMatrix(right)];
    if (a === null || b === null) return null;
    const transposed = (from: string, to: string): OpAttribute => {
      const value = attributes.some((attribute) => attribute.name === from && attribute.value === true);
      return { name: to, type: kinds.bool, value };
    };
    const product = {
      op: 'MatMul',
      attributes: [transposed('adj_x', 'transpose_a'), transposed('adj_y', 'transpose_b')],
      inputs: [a.id, b.id],
    };
    if (result.shape.length === 2) return [...a.before, ...b.before, { ...product, outputs: [result] }];
    const matrix = { id: this.#nextId--, dtype: result.dtype, shape: result.shape.slice(-2) };
    const back = this.#reshaped(matrix.id, result);
    return [...a.before, ...b.before, { ...product, outputs: [matrix] }, back];
  }

  /** Repeats a tensor along axes: tfjs multiplies it with ones. */
  #repeats({ op, inputs: [left, right], outputs }: RecordedOp): readonly RecordedOp[] | null {
    const [result] = outputs;
    if (op !== 'Mul' || left === undefined || right === undefined || result?.dtype !== types.float32) return null;
    const source = this.#repeated(right) === 1 ? left : this.#repeated(left) === 1 ? right : null;
    const shape = source === null ? null : this.#known.shapeOf(source);
    if (source === null || shape === null || equal(shape, result.shape)) return null;
    return [this.#broadcast(source, result)];
  }

  /** With a repeated tensor: an op on pairs of numbers repeats its inputs by itself, and on one number it can come before. */
  #ofRepeated({ op, attributes, inputs, outputs }: RecordedOp): readonly RecordedOp[] | null {
    const [result] = outputs;
    if (!pairwise.has(op) || result?.dtype !== types.float32 || inputs.length !== 2) return null;
    const at = inputs.findIndex((id) => this.#sources.has(id));
    const [source, other] = [this.#sources.get(inputs[at] ?? NaN), inputs[1 - at]];
    if (source === undefined || other === undefined) return null;
    const withSource = at === 0 ? [source, other] : [other, source];
    const shape = this.#makers.get(source)?.outputs[0]?.shape ?? this.#known.shapeOf(source);
    const ofOther = this.#known.shapeOf(other);
    if (equal(ofOther, result.shape)) return [{ op, attributes, inputs: withSource, outputs }];
    if (shape === null || ofOther?.length !== 0) return null;
    const few = { id: this.#nextId--, dtype: result.dtype, shape };
    return [{ op, attributes, inputs: withSource, outputs: [few] }, this.#broadcast(few.id, result)];
  }

  #broadcast(source: number, result: TensorMetadata): RecordedOp {
    this.#sources.set(result.id, source);
    return { op: 'BroadcastTo', attributes: [], inputs: [source, this.#shapeOf(result)], outputs: [result] };
  }

  /** @returns a tensor of two axes with the same values, and the op that makes it */
  #asMatrix(id: number): { readonly id: number; readonly before: readonly RecordedOp[] } | null {
    const shape = this.#known.shapeOf(id);
    if (shape === null || shape.length < 2 || shape.slice(0, -2).some((size) => size !== 1)) return null;
    if (shape.length === 2) return { id, before: [] };
    const matrix = { id: this.#nextId--, dtype: types.float32, shape: shape.slice(-2) };
    return { id: matrix.id, before: [this.#reshaped(id, matrix)] };
  }

  #reshaped(from: number, to: TensorMetadata): RecordedOp {
    return { op: 'Reshape', attributes: [], inputs: [from, this.#shapeOf(to)], outputs: [to] };
  }

  /** @returns a constant */
  #shapeOf({ shape }: TensorMetadata): number {
    const id = this.#nextId--;
    const bytes = new Uint8Array(Int32Array.from(shape).buffer);
    this.constants.set(id, { type: types.int32, shape: [shape.length], bytes });
    return id;
  }

  #madeBy(op: RecordedOp, input: number, name: string): RecordedOp | undefined {
    const maker = this.#makers.get(op.inputs[input] ?? NaN);
    return maker?.op === name ? maker : undefined;
  }

  #isAll(id: number | undefined, value: number): boolean {
    const constant = id === undefined ? undefined : this.#known.constantOf(id);
    if (constant?.type !== types.float32) return false;
    const repeated = this.#repeated(id);
    return repeated === null ? floatsOf(constant).every((each) => each === value) : repeated === value;
  }

  /** The constant as one number, if all of its values are that. */
  #repeated(id: number | undefined): number | null {
    const constant = id === undefined ? undefined : this.#known.constantOf(id);
    if (constant?.type !== types.float32 || constant.bytes.length !== Float32Array.BYTES_PER_ELEMENT) return null;
    return new Float32Array(constant.bytes.slice().buffer)[0] ?? null;
  }

  #integersOf(id: number): Int32Array | null {
    const constant = this.#known.constantOf(id);
    return constant?.type === types.int32 ? new Int32Array(constant.bytes.slice().buffer) : null;
  }
}

function equal(left: ArrayLike<number> | null, right: ArrayLike<number> | null): boolean {
  if (left === null || left.length !== right?.length) return false;
  return Array.from(left).every((value, at) => value === right[at]);
}
