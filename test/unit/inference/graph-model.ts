/**
 * A tfjs graph model on disk, as TensorFlow's converter writes one: sigmoid(x · kernel + bias), its product and sum fused or
 * not, written by the save function of tfjs itself.
 */
import { tensor } from '@tensorflow/tfjs-core';
import * as core from '@tensorflow/tfjs-core';
import { loadGraphModel } from '@tensorflow/tfjs-converter';

export interface GraphNode {
  readonly name: string;
  readonly op: string;
  readonly input?: readonly string[];
  readonly attr?: object;
}
interface Named {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: readonly number[];
  /** Absent = float32. */
  readonly dtype?: 'int32';
}
export interface GraphFiles {
  readonly nodes: readonly GraphNode[];
  readonly weights: readonly Named[];
  /** Entries of the signature by their names. */
  readonly inputs?: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  /** Functions that control flow calls. */
  readonly library?: object;
}

const float = { type: 'DT_FLOAT' };
export const placeholder = (name: string, ...sizes: readonly number[]): GraphNode => ({
  name,
  op: 'Placeholder',
  attr: { dtype: float, shape: { shape: { dim: sizes.map((size) => ({ size: String(size) })) } } },
});
export const constant = (name: string): GraphNode => ({ name, op: 'Const', attr: { dtype: float } });
export const node = (name: string, op: string, ...input: readonly string[]): GraphNode => ({
  name,
  op,
  input,
  attr: { T: float },
});

export function dense(
  kernel: readonly number[],
  bias: readonly number[],
  end: readonly GraphNode[],
  output = end.at(-1)?.name ?? 'sum',
): GraphFiles {
  const units = bias.length;
  return {
    nodes: [
      placeholder('x', -1, kernel.length / units),
      constant('kernel'),
      constant('bias'),
      node('product', 'MatMul', 'x', 'kernel'),
      node('sum', 'BiasAdd', 'product', 'bias'),
      ...end,
    ],
    weights: [
      { name: 'kernel', shape: [kernel.length / units, units], values: kernel },
      { name: 'bias', shape: [units], values: bias },
    ],
    inputs: { features: 'x:0' },
    outputs: { logits: `${output}:0` },
  };
}

/** @returns the files of a model folder, by name */
export async function graphFiles({
  nodes,
  weights,
  inputs = {},
  outputs,
  library,
}: GraphFiles): Promise<Record<string, string | Uint8Array>> {
  const ends = (named: Readonly<Record<string, string>>, shape: readonly number[] | null): object =>
    Object.fromEntries(
      Object.entries(named).map(([key, name]) => [
        key,
        {
          name,
          dtype: 'DT_FLOAT',
          ...(shape === null ? {} : { tensorShape: { dim: shape.map((size) => ({ size: String(size) })) } }),
        },
      ]),
    );
  const { data, specs } = await core.io.encodeWeights(
    Object.fromEntries(
      weights.map(({ name, shape, values, dtype }): [string, core.Tensor] => {
        return [name, tensor([...values], [...shape], dtype ?? 'float32')];
      }),
    ),
  );
  const artifacts = {
    format: 'graph-model',
    modelTopology: { node: nodes, versions: { producer: 561 }, ...(library === undefined ? {} : { library }) },
    weightSpecs: specs,
    weightData: data,
    signature: { inputs: ends(inputs, null), outputs: ends(outputs, null) },
  };
  const model = await loadGraphModel({ load: () => Promise.resolve(artifacts) });
  const saved = await new Promise<core.io.ModelArtifacts>((resolve) => {
    void model.save({
      save: (written) => {
        resolve(written);
        return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
      },
    });
  });
  model.dispose();
  const { modelTopology, weightSpecs, weightData, signature } = saved;
  const manifest = [{ paths: ['group1-shard1of1.bin'], weights: weightSpecs }];
  return {
    'model.json': JSON.stringify({ format: 'graph-model', modelTopology, signature, weightsManifest: manifest }),
    'group1-shard1of1.bin': new Uint8Array(weightData as ArrayBuffer),
  };
}
