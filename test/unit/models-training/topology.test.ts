import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';

import { supplyTensorMethods } from '../../../workers/models/tensor-methods.js';
import { containersOf, type Json, TopologyError } from '../../../workers/models/topology.js';
import { checkShapes } from '../../../workers/models/topology-shapes.js';
import { openRuntime } from '../../../workers/runtimes/index.js';

beforeAll(async () => {
  await openRuntime('cpu', 'training');
  supplyTensorMethods();
});

const check = (topology: Json): void => checkShapes(containersOf(topology));

function refusalOf(topology: Json): TopologyError {
  try {
    check(topology);
  } catch (error) {
    if (error instanceof TopologyError) return error;
    throw error;
  }
  throw new Error('expected a TopologyError, found none');
}

type Reference = readonly [string, number, number, object?];

const entry = (name: string, className: string, config: object, ...nodes: (readonly Reference[])[]): Json => ({
  name,
  class_name: className,
  config: { name, ...config },
  inbound_nodes: nodes,
});
const inputEntry = entry('in', 'InputLayer', { batch_input_shape: [null, 8, 8, 1] });
const relu = (name: string, ...nodes: (readonly Reference[])[]): Json =>
  entry(name, 'Activation', { activation: 'relu' }, ...nodes);

function functional(layers: readonly Json[], more: Json = {}): Json {
  return {
    class_name: 'Functional',
    config: { name: 'm', layers, input_layers: [['in', 0, 0]], output_layers: [['out', 0, 0]], ...more },
  };
}

const sequential = (...layers: readonly (readonly [string, object])[]): Json => ({
  class_name: 'Sequential',
  config: {
    name: 's',
    layers: layers.map(([className, config], at) => ({
      class_name: className,
      config: { name: `l${at}`, ...(at === 0 ? { batch_input_shape: [null, 8, 8, 1] } : {}), ...config },
    })),
  },
});

describe('references between layers', () => {
  const from = (name: string, node = 0, tensor = 0): readonly Reference[] => [[name, node, tensor, {}]];

  it('pass in any order of the layers, with shared layers and several inputs', () => {
    check(
      functional([
        entry('out', 'Add', {}, [
          ['a', 0, 0],
          ['a', 1, 0],
          ['b', 0, 0],
        ]),
        relu('b', from('a', 1)),
        relu('a', from('in'), from('a')),
        inputEntry,
      ]),
    );
  });

  it.each<[string, Json, string, string]>([
    ['to itself', functional([inputEntry, relu('out', from('out'))]), 'inbound_nodes', 'out that are never made'],
    [
      'in a circle',
      functional([inputEntry, relu('a', from('out')), relu('b', from('a')), relu('out', from('b'))]),
      'inbound_nodes',
      'inputs of a, b, out that are never made',
    ],
    ['to no layer', functional([inputEntry, relu('out', from('up'))]), 'layer out, inbound_nodes', 'a layer "up"'],
    [
      'to a call that is never made',
      functional([inputEntry, relu('a', from('in')), relu('out', from('a', 1))]),
      'inbound_nodes',
      'inputs of out that are never made',
    ],
    [
      'to an output that is not there',
      functional([inputEntry, relu('out', from('in', 0, 3))]),
      'model m',
      'output 3 of layer "in"',
    ],
    [
      'to a name that every object has',
      functional([inputEntry, relu('out', from('constructor'))]),
      'layer out, inbound_nodes',
      'a layer "constructor"',
    ],
    [
      'of the outputs to no layer',
      functional([inputEntry, relu('out', from('in'))], { output_layers: [['gone', 0, 0]] }),
      'model m',
      'call 0 of layer "gone"',
    ],
    [
      'of the outputs that are not nested',
      functional([inputEntry, relu('out', from('in'))], { output_layers: ['out', 0, 0] }),
      'model m, output_layers',
      'references that are not in a list of their own',
    ],
    [
      'of the inputs that are not nested',
      functional([inputEntry, relu('out', from('in'))], { input_layers: ['in', 0, 0] }),
      'model m, input_layers',
      'references that are not in a list of their own',
    ],
    [
      'that are not nested',
      functional([inputEntry, { ...relu('out'), inbound_nodes: [['in', 0, 0, {}]] }]),
      'layer out, inbound_nodes',
      'references that are not in a list of their own',
    ],
    [
      'in the format of Keras 3',
      functional([inputEntry, { ...relu('out'), inbound_nodes: [{ args: [], kwargs: {} }] }]),
      'layer out, inbound_nodes',
      'the format of Keras 3',
    ],
    [
      'that are fractions',
      functional([inputEntry, relu('out', from('in', 0.5))]),
      'layer out, inbound_nodes',
      'no layer',
    ],
    [
      'of a model inside a model',
      functional([
        inputEntry,
        { ...functional([inputEntry, relu('out', from('out'))]), name: 'inner', inbound_nodes: [from('in')] },
        relu('out', from('inner', 1)),
      ]),
      'inbound_nodes',
      'inputs of out that are never made',
    ],
  ])('%s are refused', (_, topology, where, found) => {
    const error = refusalOf(topology);
    expect(error.where).toContain(where);
    expect(error.found).toContain(found);
  });

  it.each<[string, readonly Json[]]>([
    ['twice', [inputEntry, relu('a', from('in')), relu('a', from('in')), relu('out', from('a'))]],
    ['that every object has', [inputEntry, relu('toString', from('in')), relu('out', from('toString'))]],
    ['that the config contradicts', [inputEntry, { ...relu('other', from('in')), name: 'out' }]],
    ['nowhere', [inputEntry, { ...relu('out', from('in')), name: undefined }]],
  ])('need one name for each layer, not one %s', (_, layers) => {
    expect(refusalOf(functional(layers)).expected).toContain('name');
  });

  it('never keep tfjs busy without end once they pass', async () => {
    const mostly = <T>(usual: T, ...rare: T[]): fc.Arbitrary<T> =>
      fc.oneof({ weight: 9, arbitrary: fc.constant(usual) }, { weight: 1, arbitrary: fc.constantFrom(...rare) });
    // Mostly from what comes before, so that many pass; else from anywhere, so that many are circles.
    const nodesAfter = (...earlier: string[]): fc.Arbitrary<Reference[][]> => {
      const name = fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...earlier) },
        { weight: 1, arbitrary: fc.constantFrom('in', 'a', 'b', 'out', 'gone') },
      );
      const reference: fc.Arbitrary<Reference> = fc.tuple(name, mostly(0, 1, 2), mostly(0, 1));
      return fc.array(fc.array(reference, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 2 });
    };
    let passed = 0;
    await fc.assert(
      fc.asyncProperty(nodesAfter('in'), nodesAfter('in', 'a'), nodesAfter('a', 'b'), async (a, b, out) => {
        const merged = (name: string, made: Reference[][]): Json =>
          made.some((node) => node.length > 1) ? entry(name, 'Add', {}, ...made) : relu(name, ...made);
        const topology = functional([merged('out', out), merged('a', a), inputEntry, merged('b', b)]);
        try {
          check(topology);
        } catch (error) {
          expect(error).toBeInstanceOf(TopologyError);
          return;
        }
        passed++;
        const model = await tfl.models.modelFromJSON(topology as never).catch((error: unknown) => error);
        if (model instanceof tfl.LayersModel) model.dispose();
      }),
      { numRuns: 500 },
    );
    expect(passed).toBeGreaterThan(10);
  });
});

describe('shapes', () => {
  it.each<[string, Json, string, string]>([
    [
      'is pooled away',
      sequential(...Array.from({ length: 4 }, () => ['AveragePooling2D', { pool_size: [2, 2] }] as const)),
      'layer l3',
      'an output of shape [N, 0, 0, 1]',
    ],
    [
      'is smaller than a filter',
      sequential(['Conv2D', { filters: 2, kernel_size: 9 }]),
      'layer l0',
      'an output of shape [N, 0, 0, 2]',
    ],
    [
      'is cropped away',
      sequential([
        'Cropping2D',
        {
          cropping: [
            [4, 4],
            [0, 0],
          ],
        },
      ]),
      'layer l0',
      'an output of shape [N, 0, 8',
    ],
    [
      'is nothing from the start',
      sequential(['Flatten', { batch_input_shape: [null, 0, 8, 1] }]),
      'layer l0',
      'an input',
    ],
    ['has no filters', sequential(['Conv2D', { filters: 0, kernel_size: 1 }]), 'layer l0', '0'],
    ['has strides of 0', sequential(['MaxPooling2D', { pool_size: 2, strides: 0 }]), 'layer l0', ''],
    ['has half a unit', sequential(['Dense', { units: 0.5 }]), 'layer l0', '0'],
    [
      'is larger than memory',
      sequential(['UpSampling2D', { size: [1e6, 1e6] }]),
      'layer l0',
      'an output of shape [N, 8000000, 8000000, 1]',
    ],
    [
      'needs weights larger than memory',
      sequential(['Flatten', {}], ['Dense', { units: 1e7 }]),
      'layer l1',
      'weights of more than 268435456 numbers',
    ],
    [
      'needs large weights in a cell',
      sequential(['Reshape', { target_shape: [8, 8] }], ['LSTM', { units: 20_000 }]),
      'layer l1',
      'weights of more than 268435456 numbers',
    ],
    ['cannot be taken', sequential(['Flatten', {}], ['MaxPooling2D', {}]), 'layer l1', 'an input of shape [N, 64]'],
    [
      'goes through a layer unknown to tfjs',
      sequential(['Capsule', {}]),
      'layer l0',
      'a layer of the unknown class "Capsule"',
    ],
    ['goes through what is no layer', sequential(['Adam', {}]), 'layer l0', 'a layer of the unknown class "Adam"'],
    ['goes through a method', sequential(['toString', {}]), 'layer l0', 'a layer of the unknown class "toString"'],
    [
      'has no config',
      { class_name: 'Sequential', config: [{ class_name: 'Dense', config: 3 }] },
      'layer 1',
      'a config',
    ],
    [
      'is not stated',
      { class_name: 'Sequential', config: [{ class_name: 'Flatten', config: {} }] },
      'Flatten',
      'no batch',
    ],
    ['goes nowhere', { class_name: 'Sequential', config: { layers: [] } }, 'model Sequential', 'no layers'],
    ['belongs to another kind', { class_name: 'Lambda', config: {} }, 'modelTopology', 'a model of class "Lambda"'],
  ])('of a sample that %s are refused', (_, topology, where, found) => {
    const error = refusalOf(topology);
    expect(error.where).toContain(where);
    expect(error.found).toContain(found);
    expect(error.message.length).toBeLessThan(500);
  });

  it('may leave axes open', () => {
    check(
      sequential(
        ['Conv2D', { filters: 2, kernel_size: 3, batch_input_shape: [null, null, null, 3] }],
        ['GlobalAveragePooling2D', {}],
        ['Dense', { units: 3 }],
      ),
    );
  });

  it('pass through models inside models, wrappers, cells and branches as tfjs builds them', () => {
    const part = tfl.sequential({
      layers: [
        tfl.layers.conv2d({ inputShape: [8, 8, 1], filters: 3, kernelSize: 3, padding: 'same' }),
        tfl.layers.batchNormalization(),
      ],
    });
    const input = tfl.input({ shape: [8, 8, 1] });
    const once = part.apply(input) as tfl.SymbolicTensor;
    const pooled = tfl.layers.maxPooling2d({ poolSize: 2 }).apply(once) as tfl.SymbolicTensor;
    const rows = tfl.layers.timeDistributed({ layer: tfl.layers.flatten() }).apply(pooled) as tfl.SymbolicTensor;
    const both = tfl.layers
      .bidirectional({ layer: tfl.layers.gru({ units: 3 }), mergeMode: 'concat' })
      .apply(rows) as tfl.SymbolicTensor;
    const flat = tfl.layers.flatten().apply(pooled) as tfl.SymbolicTensor;
    const joined = tfl.layers.concatenate().apply([both, flat]) as tfl.SymbolicTensor;
    const model = tfl.model({
      inputs: input,
      outputs: tfl.layers.dense({ units: 4 }).apply(joined) as tfl.SymbolicTensor,
    });
    check(model.toJSON(null, false) as Json);
    model.dispose();
  });

  it('leave no trace in tfjs: layers without names are named as if there had been no check', async () => {
    const nameless = {
      class_name: 'Sequential',
      config: {
        layers: [
          { class_name: 'Flatten', config: { batch_input_shape: [null, 2, 2, 1] } },
          { class_name: 'Dense', config: { units: 2 } },
        ],
      },
    };
    const numberOf = async (): Promise<number> => {
      const model = await tfl.models.modelFromJSON(nameless);
      const name = model.layers.at(-1)?.name ?? '';
      model.dispose();
      return Number(/\d+$/.exec(name)?.[0]);
    };
    const before = await numberOf();
    check(nameless);
    expect(await numberOf()).toBe(before + 1);
  });
});

it('JSON that is nested too deep is refused before anything walks it', () => {
  let config: Json = {};
  for (let level = 0; level < 100_000; level++) config = { config };
  expect(refusalOf({ class_name: 'Sequential', config }).found).toBe('JSON nested too deep');
});
