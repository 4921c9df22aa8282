/** The trained student as the two files that `tf.loadLayersModel` reads: model.json and weights.bin. */
import { version_layers } from '@tensorflow/tfjs-layers';
import type { StudentModel } from './student-model.js';
import type { ExportedModel } from './trainer.js';

/** Weights in the model's order, float32 little-endian, without gaps. */
export function exportModel(model: StudentModel): ExportedModel {
  const values = model.weights.map((weight) => weight.read());
  const weights = new Uint8Array(values.reduce((bytes, { byteLength }) => bytes + byteLength, 0));
  let offset = 0;
  for (const value of values) {
    weights.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), offset);
    offset += value.byteLength;
  }
  const content = {
    format: 'layers-model',
    generatedBy: `Distillery (TensorFlow.js layers v${version_layers})`,
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
