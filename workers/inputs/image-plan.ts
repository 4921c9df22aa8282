/** How images [samples, height, width, channels] become a model's input: size, scale, normalization, layout, type. */
import { elementsOf, isWhole } from './element.js';
import { InputError } from './errors.js';
import { type AxisSize, type Feed, type ModelInput, shapeText } from './model-input.js';
import { type ImageSize, resizeImages } from './resize.js';
import type { InputSetting } from './settings.js';

/** Height, width, channels of one image. */
export type ImageShape = readonly [number, number, number];

/** Decided once for each input. */
interface Arrangement {
  /** The input's axes after the batch. */
  readonly axes: readonly number[];
  /** For people: "NCHW", "NHWC" or "flat NHWC". */
  readonly name: string;
  readonly channelsFirst: boolean;
  /** Per channel x · factor + offset; null when pixels go in as they are. */
  readonly scaling: { readonly factor: readonly number[]; readonly offset: readonly number[] } | null;
}

export interface SettingOrigin {
  /** For messages: "teacher.input" or "teacher.inputs[0]". */
  readonly from: string;
  /** The side whose model it is. */
  readonly side: 'teacher' | 'student';
}

export interface PlannedInput {
  /** For people: "[N, 1, 28, 28] NCHW". */
  readonly description: string;
  /** Likely mistakes, in sentences. */
  readonly notes: readonly string[];
  /** @param values of the field, [count, ...shape of one sample] @throws InputError for values that the type cannot hold */
  feed(values: Float32Array, count: number): Feed;
}

/**
 * Decides how images go into an input, by its shape or, where that leaves it open, by the setting.
 * @param about the model, for messages
 * @throws InputError when they do not fit, or fit in two ways
 */
export function planImages(
  about: string,
  input: ModelInput,
  field: ImageShape,
  setting: InputSetting,
  { from, side }: SettingOrigin,
): PlannedInput {
  const size: ImageSize = setting.resize ?? { height: field[0], width: field[1] };
  const sample: ImageShape = [size.height, size.width, field[2]];
  const how = arrangementFor(about, input, sample, setting, { from, side });
  const resized = size.height !== field[0] || size.width !== field[1];
  return {
    description: `${shapeText([null, ...how.axes])} ${how.name}${input.dtype === 'float32' ? '' : ` of ${input.dtype}`}`,
    notes: mistakes(setting, from),
    feed: (values, count) => {
      const pixels = resized ? resizeImages(values, { height: field[0], width: field[1] }, size, field[2]) : values;
      const data = elementsOf(input.dtype, arrange(pixels, sample, how), input.name);
      return { dtype: input.dtype, shape: [count, ...how.axes], data };
    },
  };
}

function arrangementFor(
  about: string,
  input: ModelInput,
  sample: ImageShape,
  setting: InputSetting,
  { from, side }: SettingOrigin,
): Arrangement {
  const [height, width, channels] = sample;
  const fault = (found: string, expected: string, remedy: string): InputError =>
    new InputError({ about, found, expected, remedy });
  const [, ...axes] = input.shape;
  const [first, second] = candidatesOf(axes.length, sample).filter(
    ({ layout, axes: wanted }) => (setting.layout === undefined || setting.layout === layout) && fits(axes, wanted),
  );
  if (axes.length < 1 || axes.length > 3 || (axes.length === 2 && channels !== 1)) {
    throw fault(
      `an input of shape ${shapeText(input.shape)}`,
      '[N, height, width, channels], [N, channels, height, width] or [N, values]',
      'export the model with such an input',
    );
  }
  if (first === undefined) {
    const inLayout = setting.layout === undefined ? '' : ` in layout ${setting.layout}`;
    throw fault(
      `an input of shape ${shapeText(input.shape)}`,
      `samples of ${sample.join(' × ')} (height × width × channels)${inLayout}`,
      remedyForShape(axes, sample, setting, { from, side }),
    );
  }
  const sameMemory = channels === 1 && second?.axes.join() === first.axes.join();
  // A student learns whatever layout it gets; a teacher has learned one already.
  if (second !== undefined && !sameMemory && side === 'teacher') {
    throw fault(
      `an input of shape ${shapeText(input.shape)}, which samples of ${sample.join(' × ')} fit in two layouts`,
      `${from}.layout to decide`,
      'set it to NHWC or NCHW, whichever the model was trained with',
    );
  }
  return {
    axes: first.axes,
    name: axes.length === 1 ? `flat ${first.layout}` : first.layout,
    channelsFirst: first.layout === 'NCHW' && channels > 1 && height * width > 1,
    scaling: scalingFor(about, input, channels, setting, from),
  };
}

interface Candidate {
  readonly layout: 'NHWC' | 'NCHW';
  readonly axes: readonly number[];
}

function candidatesOf(axes: number, [height, width, channels]: ImageShape): readonly Candidate[] {
  const flat = [height * width * channels];
  // Gray images may come without an axis of channels.
  const plane = [height, width];
  return [
    { layout: 'NHWC', axes: axes === 1 ? flat : axes === 2 ? plane : [height, width, channels] },
    { layout: 'NCHW', axes: axes === 1 ? flat : axes === 2 ? plane : [channels, height, width] },
  ];
}

function fits(axes: readonly AxisSize[], sizes: readonly number[]): boolean {
  return axes.length === sizes.length && axes.every((axis, at) => axis === null || axis === sizes[at]);
}

/** A picture of another size can be resized; one with other channels or in another layout cannot. */
function remedyForShape(
  axes: readonly AxisSize[],
  sample: ImageShape,
  { layout }: InputSetting,
  { from, side }: SettingOrigin,
): string {
  const otherwise =
    side === 'student'
      ? "change the student model's input shape or take another data set"
      : 'use a model made for this data set';
  const channels = sample[2];
  const sizes = [
    { layout: 'NHWC', height: axes[0], width: axes[1], channels: axes[2] },
    { layout: 'NCHW', height: axes[1], width: axes[2], channels: axes[0] },
  ].find(
    (shape) => axes.length === 3 && shape.channels === channels && (layout === undefined || layout === shape.layout),
  );
  if (sizes !== undefined && typeof sizes.height === 'number' && typeof sizes.width === 'number') {
    return `set ${from}.resize to height ${String(sizes.height)} and width ${String(sizes.width)}, or ${otherwise}`;
  }
  return otherwise + (side === 'student' || layout === undefined ? '' : `, or change ${from}.layout`);
}

function scalingFor(
  about: string,
  { dtype }: ModelInput,
  channels: number,
  { scale, mean, std }: InputSetting,
  from: string,
): Arrangement['scaling'] {
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values !== undefined && values.length !== channels) {
      throw new InputError({
        about,
        found: `${from}.${name} of ${String(values.length)} values`,
        expected: `${String(channels)}, one for each channel`,
        remedy: `correct ${from}.${name}`,
      });
    }
  }
  // A model that takes whole numbers takes pixels as they lie in a file.
  const scaled = scale ?? (isWhole(dtype) ? 255 : 1);
  if (scaled === 1 && mean === undefined && std === undefined) return null;
  const factor = Array.from({ length: channels }, (_, channel) => scaled / (std?.[channel] ?? 1));
  const offset = factor.map((_, channel) => -(mean?.[channel] ?? 0) / (std?.[channel] ?? 1));
  return { factor, offset };
}

/** Mean and std of pixels from 0 to 255 that meet pixels in [0, 1]. */
function mistakes({ scale, mean, std }: InputSetting, from: string): string[] {
  const range = scale ?? 1;
  const beyond = [...(mean ?? []), ...(std ?? [])].find((value) => range <= 1 && Math.abs(value) > 2);
  if (beyond === undefined) return [];
  return [
    `${from}: a mean or std of ${String(beyond)} fits pixels from 0 to 255, but pixels are in [0, 1]; ` +
      'set scale to 255, or divide mean and std by 255',
  ];
}

/** The samples as the model wants them: the same array when nothing has to change, else a new one. */
function arrange(samples: Float32Array, sample: ImageShape, how: Arrangement): Float32Array {
  if (how.scaling === null && !how.channelsFirst) return samples;
  const [height, width, channels] = sample;
  const pixels = height * width;
  const arranged = new Float32Array(samples.length);
  for (let channel = 0; channel < channels; channel++) {
    const factor = how.scaling?.factor[channel] ?? 1;
    const offset = how.scaling?.offset[channel] ?? 0;
    for (let start = 0; start < samples.length; start += pixels * channels) {
      const target = how.channelsFirst ? start + channel * pixels : start + channel;
      const stride = how.channelsFirst ? 1 : channels;
      for (let pixel = 0; pixel < pixels; pixel++) {
        arranged[target + pixel * stride] = (samples[start + pixel * channels + channel] ?? 0) * factor + offset;
      }
    }
  }
  return arranged;
}
