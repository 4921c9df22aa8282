/**
 * The door of the ONNX export: from the two files of a tfjs layers model to the bytes of `model.onnx`. Pure: the same
 * files and facts give the same bytes.
 */
import { isJsonObject } from '@distillery/base';

import { sizeOf } from '../../samples/index.js';
import type { ExportedModel, NamedTensor } from '../trainer.js';
import { convert } from './convert.js';
import { encodeModel } from './encode.js';
import { OnnxExportError } from './errors.js';
import type { GraphEnd } from './model.js';

export { outputName } from './convert.js';
export { OnnxExportError } from './errors.js';
export { exportedLayers } from './kinds.js';
export type { GraphEnd } from './model.js';

/** What the file says of its origin. */
export interface OnnxFacts {
  /** Of the job. */
  readonly namespace: string;
  readonly name: string;
  /** SHA-256 of the weights, hex (docs/protocol.md "Results"). */
  readonly digest: string;
}

export interface OnnxExport {
  readonly bytes: Uint8Array;
  /** In the order of the model's inputs; a batch axis comes before each shape. */
  readonly inputs: readonly GraphEnd[];
}

/**
 * @param model as `Trainer.export` gives it
 * @throws OnnxExportError naming the layer that has no ONNX form here; TopologyError for a model that no trainer made
 */
export function exportOnnx({ modelJson, weights }: ExportedModel, { namespace, name, digest }: OnnxFacts): OnnxExport {
  const { modelTopology, weightsManifest } = JSON.parse(modelJson) as Record<string, unknown>;
  if (!isJsonObject(modelTopology)) throw new OnnxExportError('model.json', 'it has no topology');
  const model = convert(modelTopology, tensorsOf(weightsManifest, weights), {
    name,
    metadata: [
      ['producer', 'distillery'],
      ['job', `${namespace}/${name}`],
      ['digest', digest],
    ],
  });
  return {
    bytes: encodeModel(model),
    inputs: model.inputs.map(({ name: input, type, shape }) => ({ name: input, type, shape })),
  };
}

/** The tensors of weights.bin, without a copy of their numbers. */
function tensorsOf(manifest: unknown, bytes: Uint8Array): NamedTensor[] {
  const [group] = manifest as readonly {
    readonly weights: readonly { readonly name: string; readonly shape: number[] }[];
  }[];
  const all = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  let at = all.byteOffset;
  const tensors = (group?.weights ?? []).map(({ name, shape }): NamedTensor => {
    const size = sizeOf(shape);
    if (at + 4 * size > all.byteOffset + all.length)
      throw new OnnxExportError(`weight ${name}`, 'weights.bin ends before it');
    const data = new Float32Array(all.buffer, at, size);
    at += 4 * size;
    return { name, shape, data };
  });
  return tensors;
}
