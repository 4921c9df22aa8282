/**
 * Models in the tfjs layers format: `model.json` and, beside it, the weight files that its manifest names. Read from
 * disk by our own handler, since tfjs itself only fetches; computed on the current backend of tfjs.
 */
import { basename } from 'node:path';

import { decodeText, isJsonObject } from '@distillery/base';
import { io, tensor, type Tensor } from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel } from '@tensorflow/tfjs-layers';
import { z } from 'zod';

import { librarySentence } from '../../base/index.js';
import { asKeras2 } from '../keras3.js';
import { areNumbered, fileLabels, modelLabels } from '../keras3-weights.js';
import { useDropoutMasks, withoutFlips } from '../layer-forms.js';
import { supplyTensorMethods } from '../tensor-methods.js';
import { containersOf, TopologyError } from '../topology.js';
import { checkShapes } from '../topology-shapes.js';
import { ModelError } from './errors.js';
import type { Feed, ModelInput } from '../../inputs/index.js';
import type { Engine, ModelFile } from './inference.js';
import { readBeside } from './model-file.js';

/** A name out of the file, in a message. */
const maxNameShown = 100;

const bytesOfType = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const;

const weightSchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.number().int().min(0)),
  dtype: z.enum(['float32', 'int32', 'bool']),
  quantization: z.looseObject({ dtype: z.enum(['uint8', 'uint16', 'float16']) }).optional(),
});
const modelJsonSchema = z.looseObject({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()), weights: z.array(weightSchema) })),
});
type ModelJson = z.infer<typeof modelJsonSchema>;

/**
 * @param backend the current one of tfjs, for people
 * @throws ModelError
 */
export async function openTfjs({ bytes, path, note }: ModelFile, backend: string): Promise<Engine> {
  const json = parseModelJson(bytes, path);
  const modelTopology = checkedTopology(json.modelTopology, path);
  const weightData = await readWeights(json, path, note);
  const handler: io.IOHandler = {
    load: () =>
      Promise.resolve({
        modelTopology,
        weightSpecs: json.weightsManifest.flatMap(({ weights }) => weights) as io.WeightsManifestEntry[],
        weightData,
      }),
  };
  const model = await loaded(path, () => {
    return areNumbered(namesIn(json)) ? loadNumbered(json, modelTopology, weightData) : loadLayersModel(handler);
  });
  return {
    description: backend,
    // Names of layers: those of tensors depend on what else this process has opened.
    inputs: model.inputs.map(({ name, dtype, shape }, at): ModelInput => ({
      name: model.inputNames[at] ?? name,
      dtype: dtype === 'int32' ? 'int32' : 'float32',
      shape,
    })),
    outputs: model.outputs.map(({ shape }, at) => ({
      name: model.outputNames[at] ?? '',
      type: 'float32',
      isFloat: true,
      shape,
      operator: closingActivation(model, at),
    })),
    run: async (feeds, output) => {
      const inputs = feeds.map(tensorOf);
      // Not predict(): that one cuts a batch into pieces of 32.
      const answers = model.predictOnBatch(inputs);
      const all = Array.isArray(answers) ? answers : [answers];
      const wanted = all[model.outputNames.indexOf(output)] ?? all[0];
      if (wanted === undefined) throw new TypeError(`no output ${output}`);
      const answer = { data: Float32Array.from(await wanted.data()), shape: wanted.shape };
      for (const used of [...inputs, ...all]) used.dispose();
      return answer;
    },
    close: () => {
      model.dispose();
      return Promise.resolve();
    },
  };
}

async function loaded(path: string, load: () => Promise<LayersModel>): Promise<LayersModel> {
  try {
    return await load();
  } catch (cause) {
    const found = `a model that tfjs refuses (${librarySentence(cause)})`;
    throw fault(path, found, 'a tfjs layers model', 'export it again', cause);
  }
}

function namesIn({ weightsManifest }: ModelJson): readonly string[] {
  return weightsManifest.flatMap(({ weights }) => weights.map(({ name }) => name));
}

/** Weights of Keras 3 have numbers for names: the model that is built says whose they are. */
async function loadNumbered(
  { modelTopology: given, weightsManifest }: ModelJson,
  modelTopology: Record<string, unknown>,
  weightData: ArrayBuffer,
): Promise<LayersModel> {
  supplyTensorMethods();
  const model = await loadLayersModel({ load: () => Promise.resolve({ modelTopology }) });
  const names = modelLabels(model.weights.map(({ originalName }) => originalName));
  const byLabel = new Map([...names].map(([name, label]) => [label, name]));
  const labelOf = fileLabels(given.model_config ?? given);
  const specs = weightsManifest.flatMap(({ weights }) => weights) as io.WeightsManifestEntry[];
  const tensors = Object.entries(io.decodeWeights(weightData, specs));
  model.loadWeights(Object.fromEntries(tensors.map(([name, value]) => [byLabel.get(labelOf(name)) ?? name, value])));
  for (const [, value] of tensors) value.dispose();
  return model;
}

function tensorOf({ dtype, shape, data }: Feed): Tensor {
  return tensor(data as Float32Array | Int32Array, [...shape], dtype === 'int32' ? 'int32' : 'float32');
}

/** The activation of the layer that gives an output, as ONNX names the operator. */
function closingActivation(model: LayersModel, at: number): string | null {
  const config = model.outputs[at]?.sourceLayer.getConfig();
  const name = config?.activation;
  return name === 'softmax' ? 'Softmax' : name === 'sigmoid' ? 'Sigmoid' : null;
}

function parseModelJson(bytes: Uint8Array, path: string): ModelJson {
  let value: unknown;
  try {
    value = JSON.parse(decodeText(bytes));
  } catch (cause) {
    throw fault(path, 'a file that is no JSON', 'model.json of a tfjs layers model', 'check teacher.model.uri', cause);
  }
  refuseGraphModel(value, path);
  const parsed = modelJsonSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw fault(
    path,
    `JSON whose ${where === '' ? 'root' : where} is wrong (${issue?.message ?? 'unknown reason'})`,
    'model.json of a tfjs layers model, with modelTopology and weightsManifest',
    'export the model again with its weights',
  );
}

/** Most converters write graph models; only the content of the file distinguishes them. @throws ModelError */
function refuseGraphModel(value: unknown, path: string): void {
  const topology = isJsonObject(value) ? value.modelTopology : undefined;
  const isGraph =
    isJsonObject(value) && (value.format === 'graph-model' || (isJsonObject(topology) && Array.isArray(topology.node)));
  if (!isGraph) return;
  throw fault(
    path,
    'a TensorFlow.js graph model',
    'a tfjs layers model or an ONNX file',
    'convert the original again: tensorflowjs_converter --output_format=tfjs_layers_model for a Keras model, tf2onnx or ' +
      'torch.onnx for others (teacher.model.format: onnx)',
  );
}

/**
 * The topology in a form that tfjs reads.
 * @throws ModelError for one that tfjs would not finish, or whose layers give nothing
 */
function checkedTopology(modelTopology: Record<string, unknown>, path: string): Record<string, unknown> {
  const inner = modelTopology.model_config;
  try {
    // Nothing is mirrored in inference.
    const topology = withoutFlips(asKeras2(isJsonObject(inner) ? inner : modelTopology));
    useDropoutMasks(topology);
    checkShapes(containersOf(topology));
    return topology;
  } catch (cause) {
    if (!(cause instanceof TopologyError)) throw cause;
    throw fault(path, `${cause.found} in ${cause.where}`, cause.expected, cause.remedy, cause);
  }
}

async function readWeights(json: ModelJson, path: string, note: (bytes: Uint8Array) => void): Promise<ArrayBuffer> {
  const expected = json.weightsManifest
    .flatMap(({ weights }) => weights)
    .reduce((sum, { shape, dtype, quantization }) => {
      return sum + shape.reduce((product, size) => product * size, bytesOfType[quantization?.dtype ?? dtype]);
    }, 0);
  const parts: Uint8Array[] = [];
  for (const name of json.weightsManifest.flatMap(({ paths }) => paths)) {
    // Weight files lie beside model.json; a manifest never reaches into other folders.
    if (basename(name) !== name || name === '..' || name === '.') {
      throw fault(
        path,
        `a weight file named ${JSON.stringify(name.slice(0, maxNameShown))}`,
        'names without folders',
        'export the model again',
      );
    }
    const part = await readBeside(path, name, Math.max(0, expected));
    note(part);
    parts.push(part);
  }
  const found = parts.reduce((sum, part) => sum + part.length, 0);
  if (found !== expected) {
    throw fault(
      path,
      `${String(found)} bytes of weights`,
      `${String(expected)}, the sum of the weights that it names`,
      'copy its weight files again',
    );
  }
  const whole = new Uint8Array(found);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole.buffer;
}

function fault(path: string, found: string, expected: string, remedy: string, cause?: unknown): ModelError {
  return new ModelError({ path, found, expected, remedy }, cause === undefined ? undefined : { cause });
}
