/** The door to the export of a trained student as ONNX. It loads no library until a model is exported. */
import type { OnnxOrder } from './onnx-check.js';

export { OnnxExportError } from './export-onnx/errors.js';
export type { OnnxOrder } from './onnx-check.js';

/**
 * Blocks the calling thread while the file is made and run.
 * @returns the bytes of `model.onnx`, which gives the trainer's logits
 * @throws OnnxExportError naming the layer that has no ONNX form, or the difference; TopologyError; an error of the runtime
 */
export async function exportChecked(order: OnnxOrder): Promise<Uint8Array> {
  const check = await import('./onnx-check.js');
  return check.exportChecked(order);
}
