/** Every preset over generated parameters and data: tfjs builds what the pure functions describe. */
import { choosePreset, PresetError, type PresetInput, presetNames, presets, presetTopology } from '@distillery/presets';
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as tfl from '@tensorflow/tfjs-layers';
import fc from 'fast-check';

import { openRuntime } from '../../../workers/runtimes/index.js';

beforeAll(async () => {
  await openRuntime('cpu', 'training');
});

const axis = fc.integer({ min: 1, max: 12 });
const images: fc.Arbitrary<PresetInput> = fc
  .tuple(axis, axis, fc.integer({ min: 1, max: 3 }))
  .map((shape) => ({ dtype: 'float32', shape }));
const ids: fc.Arbitrary<PresetInput> = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 257 }))
  .map(([length, values]) => ({ dtype: 'int32', shape: [length], values }));

/** Texts of parameters within their bounds; large sizes are left out, since tfjs makes every weight. */
function parametersOf(name: (typeof presetNames)[number]): fc.Arbitrary<readonly (readonly [string, string])[]> {
  const texts = Object.entries(presets[name].parameters).map(([parameter, { bounds, takes }]) => {
    const { least, most, entries } = bounds;
    const number = takes.startsWith('a number')
      ? fc.double({ min: least, max: most, noNaN: true }).map((value) => value.toFixed(3))
      : fc
          .integer({
            min: parameter === 'vocabulary' ? 257 : least,
            max: Math.min(most, parameter === 'vocabulary' ? 300 : 6),
          })
          .map(String);
    const text = fc.array(number, { minLength: 1, maxLength: Math.min(entries, 3) }).map((all) => all.join());
    return fc.option(text, { nil: undefined }).map((value) => [parameter, value] as const);
  });
  return fc
    .tuple(...texts)
    .map((all) => all.flatMap(([parameter, value]) => (value === undefined ? [] : [[parameter, value] as const])));
}

describe.each(presetNames)('%s', (name) => {
  test('is a model of the described layers, shapes and weights, or is refused with a sentence', async () => {
    const input = presets[name].takes.includes('bytes') ? ids : images;
    let built = 0;
    await fc.assert(
      fc.asyncProperty(parametersOf(name), input, fc.integer({ min: 1, max: 5 }), async (given, one, outputs) => {
        let made;
        try {
          made = presetTopology(choosePreset(name, given), { inputs: { sample: one }, outputs });
        } catch (error) {
          expect(error).toBeInstanceOf(PresetError);
          return;
        }
        const { topology, layers, parameters } = made;
        const model = await tfl.loadLayersModel({
          load: () => Promise.resolve({ modelTopology: JSON.parse(JSON.stringify(topology)) as object }),
        });
        expect(model.countParams()).toBe(parameters);
        const inTfjs = new Map(model.layers.map((layer) => [layer.name, layer]));
        expect(inTfjs.size).toBe(layers.length);
        for (const { name: layer, className, shape, parameters: weights } of layers) {
          const found = inTfjs.get(layer);
          expect([layer, found?.getClassName(), found?.outputShape, found?.countParams()]).toEqual([
            layer,
            className,
            [null, ...shape],
            weights,
          ]);
        }
        model.dispose();
        built++;
      }),
      { numRuns: 25 },
    );
    // Refusals alone would say nothing.
    expect(built).toBeGreaterThan(3);
  });
});
