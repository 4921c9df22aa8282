/** How images [samples, height, width, channels] become a model's input: layout and normalization. Pure. */
import { ModelError } from './errors.js';
import type { AxisSize, InputSettings } from './inference.js';

/** Height, width, channels of one image. */
export type ImageShape = readonly [number, number, number];

/** What `arrange` needs to know, decided once. */
export interface Arrangement {
  /** The input's axes after the batch. */
  readonly axes: readonly number[];
  /** For people: "NCHW", "NHWC" or "flat NHWC". */
  readonly name: string;
  readonly channelsFirst: boolean;
  /** Per channel x · scale + offset; null when samples go in as they are. */
  readonly scaling: { readonly scale: readonly number[]; readonly offset: readonly number[] } | null;
}

/**
 * Decides how samples go into an input, by its shape or, where that leaves it open, by the settings.
 * @throws ModelError when they do not fit, or fit in two ways
 */
export function arrangementFor(
  path: string,
  inputShape: readonly AxisSize[],
  sample: ImageShape,
  settings: InputSettings,
): Arrangement {
  const [height, width, channels] = sample;
  const fault = (found: string, expected: string, remedy: string): ModelError =>
    new ModelError({ path, found, expected, remedy });
  const [batch, ...axes] = inputShape;
  if (inputShape.length !== 4 && inputShape.length !== 2) {
    throw fault(
      `an input of shape ${shapeText(inputShape)}`,
      '[N, height, width, channels], [N, channels, height, width] or [N, values]',
      'export the model with such an input',
    );
  }
  if (batch !== null) {
    throw fault(
      `a fixed batch size of ${String(batch)}`,
      'a batch of any size',
      'export the model with a dynamic first axis',
    );
  }
  const flat = inputShape.length === 2;
  const candidates = [
    { layout: 'NHWC' as const, axes: flat ? [height * width * channels] : [height, width, channels] },
    { layout: 'NCHW' as const, axes: flat ? [height * width * channels] : [channels, height, width] },
  ];
  const wanted = candidates.filter(({ layout }) => settings.layout === undefined || settings.layout === layout);
  const fitting = wanted.filter((candidate) => fits(axes, candidate.axes));
  const [first, second] = fitting;
  if (first === undefined) {
    throw fault(
      `an input of shape ${shapeText(inputShape)}`,
      `samples of ${sample.join(' × ')} (height × width × channels)` +
        (settings.layout === undefined ? '' : ` in layout ${settings.layout}`),
      'use a model made for this data set' + (settings.layout === undefined ? '' : ', or change teacher.input.layout'),
    );
  }
  const sameMemory = channels === 1 && second?.axes.join() === first.axes.join();
  if (second !== undefined && !sameMemory) {
    throw fault(
      `an input of shape ${shapeText(inputShape)}, which samples of ${sample.join(' × ')} fit in two layouts`,
      'teacher.input.layout to decide',
      'set it to NHWC or NCHW, whichever the model was trained with',
    );
  }
  return {
    axes: first.axes,
    name: flat ? `flat ${first.layout}` : first.layout,
    channelsFirst: first.layout === 'NCHW' && channels > 1,
    scaling: scalingFor(path, channels, settings),
  };
}

function fits(axes: readonly AxisSize[], sizes: readonly number[]): boolean {
  return axes.every((axis, at) => axis === null || axis === sizes[at]);
}

function scalingFor(path: string, channels: number, { mean, std }: InputSettings): Arrangement['scaling'] {
  for (const [name, values] of Object.entries({ mean, std })) {
    if (values !== undefined && values.length !== channels) {
      throw new ModelError({
        path,
        found: `teacher.input.${name} of ${String(values.length)} values`,
        expected: `${String(channels)}, one for each channel`,
        remedy: `correct teacher.input.${name}`,
      });
    }
  }
  if (mean === undefined && std === undefined) return null;
  const scale = Array.from({ length: channels }, (_, channel) => 1 / (std?.[channel] ?? 1));
  return { scale, offset: scale.map((factor, channel) => -(mean?.[channel] ?? 0) * factor) };
}

/** The samples as the model wants them: the same array when nothing has to change, else a new one. */
export function arrange(samples: Float32Array, sample: ImageShape, how: Arrangement): Float32Array {
  if (how.scaling === null && !how.channelsFirst) return samples;
  const [height, width, channels] = sample;
  const pixels = height * width;
  const arranged = new Float32Array(samples.length);
  for (let channel = 0; channel < channels; channel++) {
    const scale = how.scaling?.scale[channel] ?? 1;
    const offset = how.scaling?.offset[channel] ?? 0;
    for (let start = 0; start < samples.length; start += pixels * channels) {
      const target = how.channelsFirst ? start + channel * pixels : start + channel;
      const stride = how.channelsFirst ? 1 : channels;
      for (let pixel = 0; pixel < pixels; pixel++) {
        arranged[target + pixel * stride] = (samples[start + pixel * channels + channel] ?? 0) * scale + offset;
      }
    }
  }
  return arranged;
}

/** "[N, 1, 28, 28]"; an axis of any size is "?", the first one "N". */
export function shapeText(shape: readonly AxisSize[]): string {
  return `[${shape.map((axis, at) => axis ?? (at === 0 ? 'N' : '?')).join(', ')}]`;
}
