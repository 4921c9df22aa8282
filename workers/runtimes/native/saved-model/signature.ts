/** The signature that a job means: its inputs and outputs, and what the graph says of both. Pure. */
import { embeddingRows, type ModelOutput, type Operator } from '../../../models/inference/index.js';
import { type ElementType, elementTypes, type ModelInput } from '../../../inputs/index.js';
import { shapeAttribute } from './attributes.js';
import { SavedModelError, shown } from './errors.js';
import type { GraphNode, MetaGraph, Signature, SignatureEnd } from './meta-graph.js';
import { nodesFor } from './reach.js';
import { mainScope, nodeNameIn, type Origin, originOf, outputIn, passing, type Scope, scopeOfCall } from './scope.js';

const defaultSignature = 'serving_default';
/** Of TensorFlow itself: they start a model. */
const internal = '__saved_model_';

/** An input with the node that stands for it. */
export interface SignatureInput extends ModelInput {
  readonly node: string;
  /** A TF_DataType. */
  readonly type: number;
}

export interface SignatureOutput extends ModelOutput {
  /** "node:0" */
  readonly tensor: string;
  /** A TF_DataType. */
  readonly code: number;
}

/** Names of TF_DataTypes, those of numbers as ONNX has them. */
const typeNames: ReadonlyMap<number, string> = new Map([
  [1, 'float32'],
  [2, 'float64'],
  [3, 'int32'],
  [4, 'uint8'],
  [5, 'int16'],
  [6, 'int8'],
  [7, 'string'],
  [9, 'int64'],
  [10, 'bool'],
  [14, 'bfloat16'],
  [19, 'float16'],
]);
const floats: ReadonlySet<string> = new Set(['float32', 'float64', 'bfloat16', 'float16']);

/** @param wanted as the job names it; absent = serving_default, or the only one @throws SavedModelError */
export function signatureOf({ signatures }: MetaGraph, wanted: string | undefined): Signature {
  const own = [...signatures].filter(([name]) => !name.startsWith(internal)).sort(([a], [b]) => (a < b ? -1 : 1));
  const [only, another] = own;
  const found = own.find(([name]) => name === (wanted ?? defaultSignature));
  if (found !== undefined) return found[1];
  if (wanted === undefined && only !== undefined && another === undefined) return only[1];
  const names = own.map(([name]) => shown(name)).join(', ');
  throw new SavedModelError({
    found: names === '' ? 'no signature' : `the ${another === undefined ? 'signature' : 'signatures'} ${names}`,
    expected: wanted ?? defaultSignature,
    remedy: names === '' ? 'save the model with a signature' : 'set teacher.model.signature to one of them',
  });
}

/** @throws SavedModelError for an input that no sample can feed */
export function inputsOf(graph: MetaGraph, { inputs }: Signature): SignatureInput[] {
  const all = [...inputs].map(([name, end]) => inputOf(graph, name, end));
  if (all.length > 0 && new Set(all.map(({ node }) => node)).size === all.length) return all;
  const found = all.length === 0 ? 'a signature without inputs' : 'a signature that names an input twice';
  throw new SavedModelError({ found, expected: 'inputs', remedy: 'set teacher.model.signature to another one' });
}

function inputOf(graph: MetaGraph, name: string, { tensor, type, shape }: SignatureEnd): SignatureInput {
  const node = nodeNameIn(tensor);
  const element = elementTypes.find((each) => each === typeNames.get(type));
  const isInput = graph.nodes.get(node)?.op.startsWith('Placeholder') === true && outputIn(tensor) === 0;
  if (element !== undefined && shape !== null && shape.length > 0 && isInput) {
    return { name, dtype: element satisfies ElementType, shape, node, type };
  }
  const what = element === undefined ? `type ${typeNames.get(type) ?? 'unknown'}` : 'unknown shape';
  throw new SavedModelError({
    found: `an input ${shown(name)} of ${isInput ? what : 'another kind than a tensor'}`,
    expected: `tensors of ${elementTypes.join(', ')} with a batch axis`,
    remedy: 'save a signature with such inputs, and name it in teacher.model.signature',
  });
}

/** They hand on what another operator computed. */
const transparent: ReadonlySet<string> = new Set([...passing, 'Cast', 'Squeeze', 'Reshape', 'StopGradient']);

export function outputsOf(graph: MetaGraph, { outputs }: Signature): SignatureOutput[] {
  return [...outputs].map(([name, { tensor, type, shape }]) => {
    const called = typeNames.get(type) ?? 'unknown type';
    const isFloat = floats.has(called) && tensor !== '';
    const operator = isFloat ? originOf(graph, mainScope(graph), tensor, transparent).node.op : null;
    return { name, tensor, code: type, type: called, isFloat, shape: shape ?? [], operator };
  });
}

/** Calls repeat functions: beyond this many operators no more is looked for. */
const maxOperators = 200_000;
const tables: ReadonlySet<string> = new Set([...passing, 'ReadVariableOp']);
const gathering: ReadonlySet<string> = new Set(['ResourceGather', 'GatherV2', 'Gather']);

/** How many different ids each input can hold, by its node: the rows of the table that it selects from. */
export function idsOf(
  graph: MetaGraph,
  outputs: readonly string[],
  inputs: ReadonlySet<string>,
): ReadonlyMap<string, number> {
  const main = mainScope(graph);
  const rows = new Map<string, number>();
  const operators: Operator[] = [];
  const waiting: { readonly scope: Scope; readonly nodes: readonly GraphNode[] }[] = [
    { scope: main, nodes: nodesFor(graph, outputs, inputs) },
  ];
  let seen = 0;
  for (let next = waiting.pop(); next !== undefined && seen < maxOperators; next = waiting.pop()) {
    for (const node of next.nodes) {
      seen++;
      const inner = inputs.has(node.name) && next.scope === main ? null : scopeOfCall(graph, next.scope, node);
      if (inner !== null) waiting.push({ scope: inner, nodes: [...inner.nodes.values()] });
      const [table, ids] = node.inputs;
      if (!gathering.has(node.op) || table === undefined || ids === undefined) continue;
      const from = originOf(graph, next.scope, table, tables).node;
      const [size] = from.op === 'VarHandleOp' ? (shapeAttribute(from, 'shape') ?? []) : [];
      if (typeof size === 'number') rows.set(from.name, size);
      operators.push({
        op: node.op,
        inputs: [from.name, idNode(originOf(graph, next.scope, ids, idPath))],
        outputs: [],
      });
    }
  }
  return embeddingRows({ inputs: [...inputs], operators, rows });
}

const idPath: ReadonlySet<string> = new Set([...passing, 'Cast', 'Reshape', 'Squeeze', 'ExpandDims']);

/** The node's name where it is one of the graph: functions have names of their own. */
function idNode({ scope, node }: Origin): string {
  return scope.depth === 0 ? node.name : '';
}
