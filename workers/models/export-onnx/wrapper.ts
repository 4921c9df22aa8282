/** Wrappers of other layers. */
import { isJsonObject } from '@distillery/base';

import type { Json } from '../topology.js';
import type { LayerConfig, LayerKind } from './layer.js';

interface Wrapped {
  readonly kind: LayerKind;
  readonly config: Json;
}

/** Applies the layer inside to every step of a sequence: the steps become samples. */
export function timeDistributed(kindOf: (className: string) => LayerKind | undefined): LayerKind {
  const wrapped = (layer: LayerConfig): Wrapped => {
    const inner = layer.value('layer');
    const { className, config } = isJsonObject(inner) ? inner : {};
    const kind = typeof className === 'string' ? kindOf(className) : undefined;
    if (kind !== undefined && isJsonObject(config)) return { kind, config };
    return layer.refuse(`TimeDistributed of ${String(className)} is not exported`);
  };
  return {
    weights: (layer) => {
      const { kind, config } = wrapped(layer);
      return kind.weights?.(layer.sameWith(config)) ?? [];
    },
    emit: (layer, [x]) => {
      const { kind, config } = wrapped(layer);
      const [steps = 0, ...shape] = x.shape;
      const result = kind.emit(layer.inner(config), [layer.reshape(x, shape)]);
      return layer.reshape(result, [steps, ...result.shape]);
    },
  };
}
