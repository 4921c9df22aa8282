/** Models in the tfjs graph format, as TensorFlow's converter writes them, computed on the current backend of tfjs. */
import { type NamedTensorMap, type Tensor } from '@tensorflow/tfjs-core';
import { type GraphModel, loadGraphModel } from '@tensorflow/tfjs-converter';

import type { AxisSize, ElementType, ModelInput } from '../../inputs/index.js';
import { AnswerPrograms } from './answer-programs.js';
import { type Graph, type GraphEnd, readGraph } from './graph.js';
import type { ModelSession, SessionOutput, ModelFile, ModelOutput } from './inference.js';
import { fault, parseModelJson, readWeights, refusedByTfjs } from './tfjs-files.js';
import type { TfjsDevice } from './tfjs-device.js';
import { tensorOf } from './tfjs-tensor.js';

/** @throws ModelError */
export async function openTfjsGraph(
  file: ModelFile,
  { tfjs: backend, programs: device }: TfjsDevice,
): Promise<ModelSession> {
  const { path } = file;
  const json = parseModelJson(file, 'tfjs-graph');
  const graph = readGraph(json);
  if ('found' in graph) throw fault(path, graph.found, graph.expected, graph.remedy);
  const { specs, data } = await readWeights(json, file);
  const { modelTopology, signature, userDefinedMetadata, modelInitializer, initializerSignature } = json;
  const artifacts = { modelTopology, weightSpecs: specs, weightData: data };
  const further = { signature, userDefinedMetadata, modelInitializer, initializerSignature };
  let model: GraphModel;
  try {
    model = await loadGraphModel({ load: () => Promise.resolve({ ...artifacts, ...further } as typeof artifacts) });
  } catch (cause) {
    throw refusedByTfjs(path, 'tfjs-graph', cause);
  }
  try {
    const inputs = inputsOf(path, model, graph);
    const answer = (given: readonly Tensor[], output: string): Tensor => {
      const named = Object.fromEntries(
        inputs.flatMap(({ name }, at) => (given[at] === undefined ? [] : [[name, given[at]]])),
      );
      const [wanted] = [model.execute(named, [output])].flat();
      if (wanted === undefined) throw new TypeError(`no output ${output}`);
      return wanted;
    };
    // A dynamic graph decides in the middle of a batch what it computes.
    const programs =
      device === undefined || graph.isDynamic
        ? null
        : new AnswerPrograms(device, { weights: numbersOf(model), answer });
    return {
      description: backend,
      inputs,
      outputs: outputsOf(model, graph),
      run: async (feeds, output) => {
        const compiled = programs?.run(feeds, output) ?? null;
        if (compiled !== null) return compiled;
        const given: NamedTensorMap = Object.fromEntries(
          inputs.flatMap(({ name }, at): [string, Tensor][] => {
            const feed = feeds[at];
            return feed === undefined ? [] : [[name, tensorOf(feed)]];
          }),
        );
        const answer = await answerOf(model, graph, given, output);
        for (const tensor of Object.values(given)) tensor.dispose();
        return answer;
      },
      close: () => {
        programs?.dispose();
        model.dispose();
        return Promise.resolve();
      },
    };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** The weights that a device holds: a table of texts stays with tfjs. */
function numbersOf({ weights }: GraphModel): Tensor[] {
  return Object.values(weights)
    .flat()
    .filter(({ dtype }) => dtype in elements);
}

async function answerOf(
  model: GraphModel,
  { isDynamic }: Graph,
  given: NamedTensorMap,
  output: string,
): Promise<SessionOutput> {
  // With captured tables, tfjs adds them to the map that it is given.
  const inputs = { ...given };
  const answers = isDynamic ? await model.executeAsync(inputs, [output]) : model.execute(inputs, [output]);
  const tensor = Array.isArray(answers) ? answers[0] : answers;
  if (tensor === undefined) throw new TypeError(`no output ${output}`);
  const answer = { data: Float32Array.from(await tensor.data()), shape: [...tensor.shape] };
  if (!Object.values(given).includes(tensor)) tensor.dispose();
  return answer;
}

/** By the names and numbers of TensorFlow's types, what tfjs holds them as. */
const elements: Readonly<Record<string, ElementType>> = { float32: 'float32', int32: 'int32', bool: 'bool' };

/** @throws ModelError for an input of texts, or of unknown shape */
function inputsOf(path: string, model: GraphModel, graph: Graph): ModelInput[] {
  return model.inputs.flatMap(({ dtype, shape }, at): ModelInput[] => {
    const name = model.inputNodes[at] ?? '';
    const end = graph.inputs.get(name);
    if (end?.isResource === true) return [];
    const type = elements[dtype];
    const axes = axesOf(shape, end);
    const ids = graph.ids.get(name);
    if (type !== undefined && axes !== null) {
      return [{ name, dtype: type, shape: axes, ...(ids === undefined ? {} : { ids }) }];
    }
    throw fault(
      path,
      type === undefined ? `an input ${name} of type ${dtype}` : `an input ${name} of unknown shape`,
      'inputs of float32, int32 or bool with a known number of axes',
      'convert the model with such inputs',
    );
  });
}

/** The shape of the placeholder, or else of the signature; null where neither says it. */
function axesOf(shape: readonly number[] | undefined, end: GraphEnd | undefined): readonly AxisSize[] | null {
  const axes = shape?.map((size) => (size > 0 ? size : null)) ?? end?.shape ?? null;
  return axes === null || axes.length === 0 ? null : axes;
}

/** Types of numbers that can be logits, by name and number; a model that says none is believed to have such. */
const floats: ReadonlySet<string> = new Set([
  'DT_FLOAT',
  'DT_HALF',
  'DT_DOUBLE',
  'DT_BFLOAT16',
  '1',
  '2',
  '14',
  '19',
  '',
]);

function outputsOf(model: GraphModel, graph: Graph): ModelOutput[] {
  return model.outputNodes.map((name) => {
    const end = graph.outputs.get(name);
    const dtype = end?.dtype ?? '';
    return {
      name,
      type: dtype === '' ? 'unknown type' : dtype.replace('DT_', '').toLowerCase(),
      isFloat: floats.has(dtype),
      shape: end?.shape ?? [],
      operator: end?.operator ?? null,
    };
  });
}
