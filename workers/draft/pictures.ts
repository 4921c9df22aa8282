/** How pictures are read: size, channels and layout, from what the teacher takes and what the pictures are. Pure. */
import type { Need } from './need.js';
import { ask, refuse, Undecided } from './outcome.js';
import type { InputSetting, Seen, SeenColumn, Size } from './seen.js';

type Axes = readonly (number | null)[];

export interface PictureChoice {
  /** What the student sees, and the teacher, too, unless `input.resize` says otherwise. */
  readonly size: Size;
  readonly channels: 1 | 3;
  /** Of the teacher's input, without pixel values. */
  readonly input: Pick<InputSetting, 'layout' | 'resize'>;
  readonly why: string;
}

/** Side of pictures for a teacher that takes any. */
const usualSide = 224;
/** Pictures up to this side are trained as they are. */
const ownSide = 256;

/** Height, width and channels as an input has them; null = free. */
interface Geometry {
  readonly layout: 'NHWC' | 'NCHW' | null;
  readonly height: number | null;
  readonly width: number | null;
  readonly channels: number | null;
}

export function picturesFor(
  seen: Seen,
  need: Extract<Need, { kind: 'image' | 'numbers' }>,
  column: SeenColumn,
  about: string,
): PictureChoice | Undecided {
  const geometry = need.kind === 'image' ? geometryOf(seen, need.axes) : flatGeometry(need.width);
  if (geometry instanceof Undecided) return geometry;
  const channels = geometry.channels ?? 3;
  if (channels !== 1 && channels !== 3) {
    const remedy = 'export a model that takes gray or RGB pictures';
    return refuse(about, `it takes pictures of ${String(channels)} channels`, remedy);
  }
  return { ...sizesFor(seen, geometry, column), channels };
}

function sizesFor(
  { asked, data, teacher }: Seen,
  { height, width, layout }: Geometry,
  { shape }: SeenColumn,
): Pick<PictureChoice, 'size' | 'input' | 'why'> {
  const teachers = height !== null && width !== null ? { height, width } : (teacher?.beside.size ?? null);
  const open = layout === null ? {} : { layout };
  const stored = shape.length >= 2 ? { height: shape[0] ?? 0, width: shape[1] ?? 0 } : null;
  const own = stored ?? data?.pictures ?? null;
  const sized = (size: Size, why: string): Pick<PictureChoice, 'size' | 'input' | 'why'> => {
    const fits = teachers === null || (teachers.height === size.height && teachers.width === size.width);
    return { size, why, input: { ...open, ...(fits ? {} : { resize: teachers }) } };
  };
  if (stored !== null) return sized(stored, `the pixels are stored as ${textOf(stored)}`);
  if (asked.size !== undefined) return sized(asked.size, 'as --size says');
  if (own !== null && areaOf(own) <= areaOf(teachers ?? { height: ownSide, width: ownSide })) {
    return sized(own, `the pictures have ${textOf(own)}`);
  }
  if (teachers !== null) return sized(teachers, `the teacher takes ${textOf(teachers)}`);
  const usual = { height: usualSide, width: usualSide };
  return sized(usual, `the teacher takes any size, and most are trained at ${textOf(usual)}`);
}

function textOf({ height, width }: Size): string {
  return `${String(height)} × ${String(width)}`;
}

function areaOf({ height, width }: Size): number {
  return height * width;
}

const isColors = (axis: number | null | undefined): boolean => axis === 1 || axis === 3;

/** @param axes of the input after the batch */
function geometryOf({ asked }: Seen, axes: Axes): Geometry | Undecided {
  const [first = null, second = null, third = null] = axes;
  if (axes.length === 2) return { layout: null, height: first, width: second, channels: 1 };
  const nchw = { layout: null, channels: first, height: second, width: third };
  const nhwc = { layout: null, height: first, width: second, channels: third };
  if (asked.layout !== undefined) return { ...(asked.layout === 'NCHW' ? nchw : nhwc), layout: asked.layout };
  if (isColors(first) && !isColors(third)) return nchw;
  if (isColors(third) && !isColors(first)) return nhwc;
  // A free axis beside two fixed ones is that of the channels, or all are free.
  if (first === null && second !== null && third !== null) return { ...nchw, layout: 'NCHW' };
  if (third === null && first !== null && second !== null) return { ...nhwc, layout: 'NHWC' };
  return ask({
    option: 'layout',
    what: 'in which order the teacher takes height, width and channels',
    why: 'its shape leaves it open',
    choices: [
      { value: 'NCHW', words: 'channels first, as PyTorch has them' },
      { value: 'NHWC', words: 'channels last, as TensorFlow has them' },
    ],
  });
}

/** A row of numbers that holds a square picture, gray or RGB. */
function flatGeometry(width: number | null): Geometry {
  const gray = Math.sqrt(width ?? 0);
  if (width !== null && Number.isInteger(gray)) return { layout: null, height: gray, width: gray, channels: 1 };
  const side = Math.sqrt((width ?? 0) / 3);
  const sides = width !== null && Number.isInteger(side) ? side : null;
  return { layout: null, height: sides, width: sides, channels: sides === null ? 1 : 3 };
}
