/**
 * How many different ids an input of a model can hold: the rows of the table that it selects from. A tokenizer with more
 * tokens belongs to another model. Pure.
 */

/** One operator of a graph, as far as this needs it. */
export interface Operator {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
}

export interface OperatorGraph {
  readonly inputs: readonly string[];
  readonly operators: readonly Operator[];
  /** Size of the first axis of each constant. */
  readonly rows: ReadonlyMap<string, number>;
}

/** They hand on the values of their first input. */
const transparent: ReadonlySet<string> = new Set([
  'Identity',
  'Cast',
  'Reshape',
  'Squeeze',
  'Unsqueeze',
  'ExpandDims',
  'Flatten',
]);
/** As those, and what unpacks a quantized table: it has as many rows as the constant that it is made from. */
const unpacking: ReadonlySet<string> = new Set([...transparent, 'DequantizeLinear', 'Sub', 'Mul', 'Div']);
/** Operators that select rows of a table by ids, with the indexes of both among their inputs. */
const selecting: Readonly<Record<string, { readonly table: number; readonly ids: number }>> = {
  Gather: { table: 0, ids: 1 },
  GatherV2: { table: 0, ids: 1 },
  ResourceGather: { table: 0, ids: 1 },
  EmbedLayerNormalization: { table: 2, ids: 0 },
};
const maxHops = 8;

/** @returns the rows of the smallest table that each input selects from; an input that selects from none is left out */
export function embeddingRows({ inputs, operators, rows }: OperatorGraph): ReadonlyMap<string, number> {
  const makers = new Map(
    operators.flatMap((operator) => operator.outputs.map((output) => [output, operator] as const)),
  );
  const sourceOf = (name: string, through: ReadonlySet<string>, hops = 0): string => {
    const maker = makers.get(name);
    const [first] = maker?.inputs ?? [];
    if (maker === undefined || first === undefined || !through.has(maker.op) || hops >= maxHops) return name;
    return sourceOf(first, through, hops + 1);
  };
  const found = new Map<string, number>();
  for (const { op, inputs: given } of operators) {
    const among = Object.hasOwn(selecting, op) ? selecting[op] : undefined;
    const [table, ids] = [given[among?.table ?? -1], given[among?.ids ?? -1]];
    if (table === undefined || ids === undefined) continue;
    const [size, input] = [rows.get(sourceOf(table, unpacking)), sourceOf(ids, transparent)];
    if (size === undefined || !inputs.includes(input)) continue;
    found.set(input, Math.min(size, found.get(input) ?? size));
  }
  return found;
}
