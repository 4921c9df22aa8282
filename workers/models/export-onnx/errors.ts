/** Why a model is not written as ONNX. */
import { DistilleryError } from '@distillery/base';

import { shown } from '../topology.js';

export class OnnxExportError extends DistilleryError {
  override readonly name = 'OnnxExportError';
  readonly kind = 'OnnxExport';
  readonly retry = 'Never';

  /** @param about the layer, as `layerNamed` gives it, or the file @param problem a clause */
  constructor(about: string, problem: string, options?: ErrorOptions) {
    super({ about, problem, remedy: 'use model.json and weights.bin, which hold the same student' }, options);
  }
}

export function layerNamed(name: string): string {
  return `layer ${shown(name)}`;
}
