/**
 * The student as a tfjs layers model, ready to train: built from the file, its weights drawn from the seed, its random
 * layers seeded for each step; and the model's export. Owns the model; `dispose` frees all of its tensors.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { librarySentence } from '../base/index.js';
import { type NumericSpec, type NumericSpecs, onlyInput } from '../samples/index.js';
import { freezeLayers } from './frozen-layers.js';
import { asKeras2 } from './keras3.js';
import { attentionClass, listAttentionCalls } from './attention-calls.js';
import { flipClass, recurrentClasses, useDropoutMasks, withoutFlips } from './layer-forms.js';
import { layerPatterns, someOf } from './layer-patterns.js';
import { isPlain } from './own-layers/index.js';
import {
  alphaClass,
  type DrawingLayer,
  dropsSteps,
  noiseClasses,
  seededDropout,
  type SeededLayer,
  seedNoise,
  seedRecurrent,
} from './random-layers.js';
import type { StudentStart } from './starting-weights.js';
import {
  dropoutMasks,
  endInLogits,
  nonZeroSeed,
  parseTopology,
  refuseUnseedableLayers,
  seedInitializers,
} from './student-topology.js';
import type { Json } from './student-topology.js';
import { takeWeights } from './take-weights.js';
import { supplyTensorMethods } from './tensor-methods.js';
import { containersOf, TopologyError } from './topology.js';
import { checkShapes } from './topology-shapes.js';
import { StudentModelError } from './trainer-errors.js';
import type { ExportedModel } from './trainer.js';

/** A weight of the model with a name that does not depend on what else the process has built. */
export interface ModelWeight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly trainable: boolean;
  read(): Float32Array;
  /** @param values of the weight's size; a constraint of the layer may change them, see `read` */
  write(values: Float32Array): void;
  /** @param values of the weight's size, taken as they are: the layer's constraint does not change them */
  assign(values: Float32Array): void;
  readonly constrained: boolean;
  /** The layer's constraint of the weight as an operation on tensors; null where it has none. */
  readonly constrain: ((value: tf.Tensor) => tf.Tensor) | null;
  readonly variable: tf.Variable;
}

export interface StudentModel {
  readonly inputs: NumericSpecs;
  readonly columns: number;
  /** In the model's order. */
  readonly weights: readonly ModelWeight[];
  /** What was changed in the file's model, for people. */
  readonly notes: readonly string[];
  /** The seeded topology without layers that only training needs, as `tf.loadLayersModel` takes it. */
  readonly topology: Json;
  /** @param xs one tensor for each of `inputs`, in their order @returns logits [rows, columns] */
  apply(xs: readonly tf.Tensor[], training: boolean): tf.Tensor;
  /** Sum of the layers' regularization terms; undefined where there are none. */
  regularization(): tf.Scalar | undefined;
  /** Seeds of the random layers' masks in this step, one for each layer. */
  maskSeeds(step: number): readonly number[];
  /** What random layer number `layer` draws of a seed: its mask in the step of that seed. */
  drawMask(layer: number, shape: readonly number[], seed: number): Float32Array;
  /** Random layers whose draws are no masks, so that a recorded pass would repeat them in every step. */
  readonly unmasked: readonly string[];
  /** Makes the masks of the next training pass those of this step. */
  seedMasks(step: number): void;
  dispose(): void;
}

/** @throws StudentModelError */
export async function openStudentModel(
  modelJson: string,
  seed: number,
  start: StudentStart = {},
): Promise<StudentModel> {
  const given = checkedTopology(parseTopology(modelJson, start.weights !== undefined));
  const note = endInLogits(given);
  refuseUnseedableLayers(given);
  // Before the first build: tfjs forgets that a model inside is frozen as a whole.
  const frozen = freezeLayers(given, []);
  // A first build fills in what the file leaves to defaults, among it the initializers that need a seed.
  const draft = await build(given);
  const topology = draft.toJSON(null, false) as Json;
  draft.dispose();
  seedInitializers(topology, seed);
  freezeLayers(topology, start.freeze ?? []);
  const model = await build(topology);
  try {
    requireStatistics(model, start);
    const notes = [...(note === undefined ? [] : [note]), ...frozenNotes(frozen, start.freeze)];
    const student = wrap(model, topology, seed, notes);
    if (start.weights === undefined) return student;
    return { ...student, notes: [...student.notes, ...takeWeights(student.weights, start.weights)] };
  } catch (error) {
    model.dispose();
    throw error;
  }
}

/** @throws StudentModelError for a Normalization that would change nothing, since it has neither mean nor variance */
function requireStatistics(model: tfl.LayersModel, { weights }: StudentStart): void {
  const excepted = layerPatterns(weights?.except ?? []);
  const bare = layersWithin(model).find(
    (layer) =>
      layer.getClassName() === 'Normalization' &&
      layer.weights.length > 0 &&
      (weights === undefined || excepted.some((pattern) => pattern.matches(layer.name))),
  );
  if (bare === undefined) return;
  throw new StudentModelError(`layer ${bare.name}`, 'a Normalization without mean and variance', 'those of the data', {
    remedy:
      'start from the weights of the adapted model (spec.student.model.weights.uri), or build the layer with mean and variance',
  });
}

/** Of layers that the file freezes and the job does not name, since the file may come from elsewhere. */
function frozenNotes(ofFile: readonly string[], patterns: readonly string[] = []): readonly string[] {
  const named = layerPatterns(patterns);
  const layers = ofFile.filter((name) => !named.some((pattern) => pattern.matches(name)));
  return layers.length === 0 ? [] : [`trainable is false in the file: ${someOf(layers)} keep their weights`];
}

/**
 * The topology in a form that tfjs reads, unless it would not finish it, or nothing would be left to train.
 * @throws StudentModelError
 */
function checkedTopology(topology: Json): Json {
  try {
    const read: Json = asKeras2(topology);
    useDropoutMasks(read);
    listAttentionCalls(read);
    checkShapes(containersOf(read));
    return read;
  } catch (cause) {
    if (!(cause instanceof TopologyError)) throw cause;
    const { where, found, expected, remedy } = cause;
    throw new StudentModelError(where, found, expected, { cause, remedy });
  }
}

async function build(topology: Json): Promise<tfl.LayersModel> {
  supplyTensorMethods();
  try {
    return await tfl.loadLayersModel({ load: () => Promise.resolve({ modelTopology: topology }) });
  } catch (cause) {
    const found = `an error of tfjs (${librarySentence(cause)})`;
    throw new StudentModelError('modelTopology', found, 'layers that tfjs-layers can build', { cause });
  }
}

function wrap(model: tfl.LayersModel, topology: Json, seed: number, notes: readonly string[]): StudentModel {
  const { inputs, columns } = shapesOf(model);
  const layers = layersWithin(model);
  const ofClass = (...names: readonly string[]): tfl.layers.Layer[] =>
    layers.filter((layer) => names.includes(layer.getClassName()));
  const flips = ofClass(flipClass) as (tfl.layers.Layer & SeededLayer)[];
  const attentions = ofClass(attentionClass).filter((layer) => Number(layer.getConfig().dropout) > 0);
  // In this order: a layer draws what it drew before the later ones had a seed.
  const drawing = [
    ...ofClass('Dropout', 'SpatialDropout1D').map(seededDropout),
    ...ofClass(...noiseClasses).map(seedNoise),
  ];
  const later = [...ofClass(alphaClass).map(seedNoise), ...attentions.map(seededDropout)];
  const recurrent = ofClass(...recurrentClasses).filter(dropsSteps);
  const random: readonly SeededLayer[] = [...drawing, ...flips, ...later, ...recurrent.map(seedRecurrent)];
  const drawer = (layer: number): DrawingLayer | undefined =>
    drawing[layer] ?? later[layer - drawing.length - flips.length];
  for (const layer of layers) if (!layer.trainable) keepAverages(layer);
  const maskSeeds = (step: number): number[] => random.map((_, index) => nonZeroSeed(dropoutMasks, seed, step, index));
  return {
    inputs,
    columns,
    weights: weightsOf(model),
    notes: [...notes, ...flips.map(flipNote), ...ownNotes(layers)],
    topology: flips.length === 0 ? topology : withoutFlips(topology),
    apply: (xs, training) => {
      const output = model.apply([...xs], { training });
      if (output instanceof tf.Tensor) return output;
      throw new StudentModelError('output', 'several tensors', 'one tensor of logits');
    },
    regularization: () => {
      const terms = model.calculateLosses();
      return terms.length === 0 ? undefined : tf.addN(terms);
    },
    maskSeeds,
    drawMask: (layer, shape, seed) =>
      tf.tidy(() => drawer(layer)?.draw(shape, seed).dataSync<'float32'>() ?? new Float32Array(0)),
    unmasked: [...flips, ...recurrent].map(({ name }) => name),
    seedMasks: (step) => {
      const seeds = maskSeeds(step);
      random.forEach((layer, index) => {
        layer.seed = seeds[index] ?? layer.seed;
      });
    },
    dispose: () => {
      model.dispose();
    },
  };
}

function shapesOf(model: tfl.LayersModel): { readonly inputs: NumericSpecs; readonly columns: number } {
  const [output, ...moreOutputs] = model.outputs;
  if (output === undefined || moreOutputs.length > 0) {
    throw new StudentModelError('outputs', `${model.outputs.length} outputs`, 'one output');
  }
  const [, columns, ...more] = output.shape;
  if (typeof columns !== 'number' || more.length > 0) {
    const expected = '[null, classes]: one row of logits a sample';
    throw new StudentModelError(`output ${output.name}`, `shape ${JSON.stringify(output.shape)}`, expected);
  }
  // A file gives its only input any name; the trainer always knows it by the same one.
  const named = model.inputs.map((input, at) => {
    const name = model.inputs.length === 1 ? onlyInput : (model.inputNames[at] ?? input.name);
    return [name, inputSpecOf(input)] as const;
  });
  return { inputs: Object.fromEntries(named), columns };
}

function inputSpecOf({ name, shape: [, ...axes], dtype }: tfl.SymbolicTensor): NumericSpec {
  const shape = axes.filter((axis) => axis !== null);
  if (axes.length === 0 || shape.length < axes.length) {
    const expected = 'the batch axis and at least one more, of known size: for images [null, height, width, channels]';
    throw new StudentModelError(`input ${name}`, `shape ${JSON.stringify([null, ...axes])}`, expected);
  }
  if (dtype === 'float32' || dtype === 'int32') return { dtype, shape };
  throw new StudentModelError(`input ${name}`, `values of ${dtype}`, 'float32 or int32');
}

/** The weights in the model's order; those of layers that share a name are numbered. */
export function weightsOf(model: tfl.LayersModel): ModelWeight[] {
  const trainable = new Set(model.trainableWeights);
  const taken = new Map<string, number>();
  return model.weights.map((weight) => {
    const value = weight.read();
    if (!(value instanceof tf.Variable) || value.dtype !== 'float32') {
      throw new StudentModelError(`weight ${weight.originalName}`, value.dtype, 'float32');
    }
    const variable = value as tf.Variable;
    // tfjs's types promise a constraint; most weights have none.
    const constraint = weight.constraint as ReturnType<typeof tfl.constraints.nonNeg> | null | undefined;
    const constrained = constraint !== undefined && constraint !== null;
    // Layers of different sub-models may share a name.
    const earlier = taken.get(weight.originalName) ?? 0;
    taken.set(weight.originalName, earlier + 1);
    return {
      name: earlier === 0 ? weight.originalName : `${weight.originalName}#${earlier}`,
      shape: variable.shape,
      trainable: trainable.has(weight),
      constrained,
      constrain: constrained ? (tensor) => constraint.apply(tensor) : null,
      variable,
      // A copy: the cpu backend hands out its own array.
      read: () => variable.dataSync<'float32'>().slice(),
      write: (values) => {
        tf.tidy(() => {
          weight.write(tf.tensor(values, variable.shape));
        });
      },
      assign: (values) => {
        tf.tidy(() => {
          variable.assign(tf.tensor(values, variable.shape));
        });
      },
    };
  });
}

/** A frozen normalization uses its averages and leaves them as they are, as in Keras; tfjs would go on averaging. */
function keepAverages(layer: tfl.layers.Layer): void {
  if (layer.getClassName() !== 'BatchNormalization') return;
  const call = layer.call.bind(layer);
  layer.call = (inputs, kwargs) => call(inputs, { ...kwargs, training: false });
}

function flipNote({ name }: tfl.layers.Layer): string {
  return (
    `layer ${name}: it mirrors the pictures of the student alone, and the teacher answers for those that are not mirrored; ` +
    'training.augment.flip mirrors them for both'
  );
}

/** Layers that plain tfjs lacks, or computes in another way. */
function ownNotes(layers: readonly tfl.layers.Layer[]): readonly string[] {
  const own = layers.filter((layer) => !isPlain(layer.getClassName(), layer.getConfig()));
  if (own.length === 0) return [];
  const names = someOf(own.map((layer) => `${layer.name} (${layer.getClassName()})`));
  return [`plain TensorFlow.js does not compute ${names}: run the result's model.onnx, or use it in Distillery`];
}

/** Where containers and wrappers of tfjs keep layers. */
interface Inner {
  readonly layers?: readonly tfl.layers.Layer[];
  readonly layer?: tfl.layers.Layer;
  readonly forwardLayer?: tfl.layers.Layer;
  readonly backwardLayer?: tfl.layers.Layer;
}

/** All layers, those inside sub-models and wrappers too, in the model's order. */
function layersWithin(container: object): tfl.layers.Layer[] {
  const { layers = [], layer, forwardLayer, backwardLayer } = container as Inner;
  // A Bidirectional computes with two copies of its layer.
  const wrapped = forwardLayer === undefined ? [layer] : [forwardLayer, backwardLayer];
  const children = [...layers, ...wrapped.filter((each) => each !== undefined)];
  return children.flatMap((child) => [child, ...layersWithin(child)]);
}

/**
 * The model as the two files that `tf.loadLayersModel` reads: model.json, and weights.bin with the weights in the model's
 * order, float32 little-endian, without gaps.
 */
export function exportModel(model: Pick<StudentModel, 'weights' | 'topology'>): ExportedModel {
  const values = model.weights.map((weight) => weight.read());
  const weights = new Uint8Array(values.reduce((bytes, { byteLength }) => bytes + byteLength, 0));
  let offset = 0;
  for (const value of values) {
    weights.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), offset);
    offset += value.byteLength;
  }
  const content = {
    format: 'layers-model',
    generatedBy: `Distillery (TensorFlow.js layers v${tfl.version_layers})`,
    convertedBy: null,
    modelTopology: model.topology,
    weightsManifest: [
      {
        paths: ['weights.bin'],
        weights: model.weights.map(({ name, shape }) => ({ name, shape, dtype: 'float32' })),
      },
    ],
  };
  return { modelJson: `${JSON.stringify(content, null, 1)}\n`, weights };
}
