/** Models in the tfjs layers format, computed on the current backend of tfjs. */
import { isJsonObject } from '@distillery/base';
import { dispose, io, type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core';
import { type LayersModel, loadLayersModel, type SymbolicTensor } from '@tensorflow/tfjs-layers';

import { asKeras2 } from '../keras3.js';
import { areNumbered, fileLabels, modelLabels } from '../keras3-weights.js';
import { listAttentionCalls } from '../attention-calls.js';
import { useDropoutMasks, withoutFlips } from '../layer-forms.js';
import { supplyTensorMethods } from '../tensor-methods.js';
import { containersOf, type Json, TopologyError } from '../topology.js';
import { checkShapes } from '../topology-shapes.js';
import type { ModelInput } from '../../inputs/index.js';
import { AnswerPrograms } from './answer-programs.js';
import type { ModelSession, ModelFile } from './inference.js';
import type { TfjsDevice } from './tfjs-device.js';
import { fault, parseModelJson, readWeights, refusedByTfjs, type Weights } from './tfjs-files.js';
import { tensorOf } from './tfjs-tensor.js';
import { pairWeights } from './weight-names.js';

/** @throws ModelError */
export async function openTfjs(
  file: ModelFile,
  { tfjs: backend, programs: device }: TfjsDevice,
): Promise<ModelSession> {
  const { path } = file;
  const json = parseModelJson(file, 'tfjs-layers');
  const topology = checkedTopology(json.modelTopology, path);
  const weights = await readWeights(json, file);
  // Every variable gets a weight, so that none needs the random numbers that it would begin with.
  const modelTopology = withoutInitializers(topology) as Json;
  supplyTensorMethods();
  let model: LayersModel;
  try {
    model = await loadLayersModel({ load: () => Promise.resolve({ modelTopology }) });
  } catch (cause) {
    throw refusedByTfjs(path, 'tfjs-layers', cause);
  }
  try {
    setWeights(model, path, weights, json.modelTopology);
  } catch (error) {
    model.dispose();
    throw error;
  }
  const wantedOf = (answers: Tensor | Tensor[], output: string): Tensor => {
    const all = Array.isArray(answers) ? answers : [answers];
    const wanted = all[model.outputNames.indexOf(output)] ?? all[0];
    if (wanted === undefined) throw new TypeError(`no output ${output}`);
    return wanted;
  };
  // Not predict(): that one cuts a batch into pieces of 32.
  const answersTo = (inputs: readonly Tensor[]): Tensor | Tensor[] => model.predictOnBatch([...inputs]);
  // A layer with a state answers each batch differently.
  const programs =
    device === undefined || model.stateful
      ? null
      : new AnswerPrograms(device, {
          weights: model.weights.map((weight) => weight.read()),
          answer: (inputs, output) => wantedOf(answersTo(inputs), output),
        });
  return {
    description: backend,
    // Names of layers: those of tensors depend on what else this process has opened.
    inputs: model.inputs.map((input, at): ModelInput => {
      const { dtype, shape } = input;
      const name = model.inputNames[at] ?? input.name;
      return { name, dtype: dtype === 'int32' ? 'int32' : 'float32', shape, ...idsOf(model, input) };
    }),
    outputs: model.outputs.map(({ shape }, at) => ({
      name: model.outputNames[at] ?? '',
      type: 'float32',
      isFloat: true,
      shape,
      operator: closingActivation(model, at),
    })),
    run: async (feeds, output) => {
      const compiled = programs?.run(feeds, output) ?? null;
      if (compiled !== null) return compiled;
      const inputs = feeds.map(tensorOf);
      const answers = answersTo(inputs);
      const wanted = wantedOf(answers, output);
      const answer = { data: Float32Array.from(await wanted.data()), shape: wanted.shape };
      dispose([...inputs, ...(Array.isArray(answers) ? answers : [answers])]);
      return answer;
    },
    close: () => {
      programs?.dispose();
      model.dispose();
      return Promise.resolve();
    },
  };
}

/** Keras' initializers of random numbers: an orthogonal matrix of a large layer takes minutes. */
const initializers = /(Normal|Uniform|VarianceScaling|Orthogonal)$/;

function withoutInitializers(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutInitializers);
  if (!isJsonObject(value)) return value;
  const { class_name: className } = value;
  if (typeof className === 'string' && initializers.test(className)) return { class_name: 'Zeros', config: {} };
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutInitializers(inner)]));
}

/**
 * @param topology of the file, as it writes it
 * @throws ModelError when a weight fits no variable, or a variable has no weight
 */
function setWeights(model: LayersModel, path: string, { specs, data }: Weights, topology: Json): void {
  const own = specs.filter((spec) => spec.group !== 'optimizer' && !isCounter(spec));
  const variables = model.layers
    .flatMap(({ weights }) => weights)
    .map(({ originalName: name, shape }) => ({ name, shape }));
  const nameOf = modelNames(
    own.map(({ name }) => name),
    variables.map(({ name }) => name),
    topology,
  );
  const renamed = own.map(({ name, shape }) => ({ name: nameOf(name), shape }));
  // Numbers that are not of Keras 3 layers: tfjs pairs what it knows.
  const isNumbered = renamed.some(({ name }) => /\/\d+$/.test(name));
  const paired = isNumbered ? null : pairWeights(renamed, variables);
  if (paired?.ok === false) throw fault(path, paired.found, paired.expected, 'export the model again with its weights');
  const values = io.decodeWeights(data, specs);
  const named: NamedTensorMap = Object.fromEntries(
    own.flatMap(({ name }) => {
      const value = values[name];
      return value === undefined ? [] : [[paired?.pairs.get(nameOf(name)) ?? nameOf(name), value]];
    }),
  );
  try {
    model.loadWeights(named, true);
  } catch (cause) {
    throw refusedByTfjs(path, 'tfjs-layers', cause);
  } finally {
    dispose(values);
  }
}

/** Such as of the samples that a Normalization has seen: no layer here reads it. */
function isCounter({ dtype, shape }: Weights['specs'][number]): boolean {
  return dtype === 'int32' && shape.length === 0;
}

/** What the model calls the weights that Keras 3 has numbered (keras3-weights.ts); other names stay as they are. */
function modelNames(
  names: readonly string[],
  variables: readonly string[],
  { model_config: inner, ...topology }: Json,
): (name: string) => string {
  if (!areNumbered(names)) return (name) => name;
  const byLabel = new Map([...modelLabels(variables)].map(([name, label]) => [label, name]));
  const labelOf = fileLabels(inner ?? topology);
  return (name) => byLabel.get(labelOf(name)) ?? name;
}

/** How many ids an input has that a layer of embeddings takes directly. */
function idsOf({ layers }: LayersModel, input: SymbolicTensor): Pick<ModelInput, 'ids'> {
  for (const layer of layers) {
    const { inputDim } = layer.getConfig();
    const takes = layer.inboundNodes.some(({ inputTensors }) => inputTensors.includes(input));
    if (layer.getClassName() === 'Embedding' && takes && typeof inputDim === 'number') return { ids: inputDim };
  }
  return {};
}

/** The activation of the layer that gives an output, as ONNX names the operator. */
function closingActivation(model: LayersModel, at: number): string | null {
  const config = model.outputs[at]?.sourceLayer.getConfig();
  const name = config?.activation;
  return name === 'softmax' ? 'Softmax' : name === 'sigmoid' ? 'Sigmoid' : null;
}

/**
 * The topology in a form that tfjs reads.
 * @throws ModelError for one that tfjs would not finish, or whose layers give nothing
 */
function checkedTopology(modelTopology: Json, path: string): Json {
  const inner = modelTopology.model_config;
  try {
    // Nothing is mirrored in inference.
    const topology = withoutFlips(asKeras2(isJsonObject(inner) ? inner : modelTopology));
    useDropoutMasks(topology);
    listAttentionCalls(topology);
    checkShapes(containersOf(topology));
    return topology;
  } catch (cause) {
    if (!(cause instanceof TopologyError)) throw cause;
    throw fault(path, `${cause.found} in ${cause.where}`, cause.expected, cause.remedy, cause);
  }
}
