/**
 * Layers of Keras that tfjs lacks or computes in another way, under their names in Keras. Importing this file gives them to
 * tfjs. A new one is a class here, a line in the table of the ONNX export, and a row in docs/models.md.
 */
import * as tf from '@tensorflow/tfjs-core';

import { attentionClasses } from './attention.js';
import { convolutionClasses } from './convolutions.js';
import { Normalization } from './given-normalization.js';
import { mergingClasses } from './merging.js';
import { normalizationClasses } from './normalizations.js';
import { shapeClasses } from './shapes.js';

type Registered = Parameters<typeof tf.serialization.registerClass>[0];

const added = [...attentionClasses, ...mergingClasses, Normalization, ...normalizationClasses, ...shapeClasses];
for (const layerClass of [...added, ...convolutionClasses]) {
  tf.serialization.registerClass(layerClass as unknown as Registered);
}

/** Whether plain tfjs computes a layer of this class and config as it is meant. */
export function isPlain(className: string, config: Readonly<Record<string, unknown>>): boolean {
  if (added.some((layerClass) => layerClass.className === className)) return false;
  if (config.padding === 'causal') return false;
  if (className === 'DepthwiseConv2D') return [config.dilationRate ?? 1].flat().every((rate) => rate === 1);
  return (config.groups ?? 1) === 1;
}
