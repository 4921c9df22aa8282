/**
 * Layers that tfjs lacks and people use, in forms that it has: dropout of whole channels, and what only training changes. In
 * place, on JSON alone. Pure.
 */
import { isJsonObject, omit } from '@distillery/base';

type Json = Record<string, unknown>;

/** Shape of the mask for an input of so many axes: one number for each sample and channel. */
const channelMasks: Readonly<Record<string, readonly (number | null)[]>> = {
  SpatialDropout2D: [null, 1, 1, null],
  SpatialDropout3D: [null, 1, 1, 1, null],
};

/** Makes dropout of channels a dropout with a mask of their shape, which it is. */
export function useDropoutMasks(topology: Json): void {
  visitLayers(topology, (layer, config) => {
    const mask = channelMasks[String(layer.class_name)];
    if (mask === undefined || !isChannelsLast(config)) return;
    layer.class_name = 'Dropout';
    layer.config = { ...omit(config, 'data_format'), noise_shape: mask };
  });
}

/** Pictures are mirrored in training alone: for everybody who runs the model, the layer is none. */
export function withoutFlips(topology: Json): Json {
  const copy = JSON.parse(JSON.stringify(topology)) as Json;
  visitLayers(copy, (layer, config) => {
    if (layer.class_name !== flipClass) return;
    layer.class_name = 'Activation';
    layer.config = {
      name: config.name,
      trainable: config.trainable ?? true,
      activation: 'linear',
      ...('batch_input_shape' in config ? { batch_input_shape: config.batch_input_shape } : {}),
    };
  });
  return copy;
}

export const flipClass = 'RandomFlip';

/** Recurrent layers with cells that take what drops their inputs and states. */
export const recurrentClasses = ['SimpleRNN', 'GRU', 'LSTM'] as const;

function isChannelsLast({ data_format: format }: Json): boolean {
  return format === undefined || format === null || format === 'channels_last';
}

function visitLayers(value: unknown, change: (layer: Json, config: Json) => void): void {
  if (Array.isArray(value)) for (const item of value as unknown[]) visitLayers(item, change);
  if (!isJsonObject(value)) return;
  if (typeof value.class_name === 'string' && isJsonObject(value.config)) change(value, value.config);
  for (const item of Object.values(value)) visitLayers(item, change);
}
