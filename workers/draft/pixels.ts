/** Which values of pixels a teacher was trained on: said, saved beside it, or shown by its answers to labeled pictures. Pure. */
import { ask, Undecided } from './outcome.js';
import type { InputSetting, PixelRange, Seen, Trial } from './seen.js';

const half = 0.5;
/** Of the photographs of ImageNet, as torchvision gives them. */
const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

export interface PixelChoice {
  readonly setting: Pick<InputSetting, 'scale' | 'mean' | 'std'>;
  readonly why: string;
}

const words: Readonly<Record<PixelRange, string>> = {
  '0..1': 'divided by 255',
  '0..255': 'as they lie in files',
  '-1..1': 'divided by 127.5, less 1',
  imagenet: 'divided by 255 and normalized as torchvision does',
};

export function settingOf(range: PixelRange, channels: number): PixelChoice['setting'] {
  const each = (value: number): number[] => Array.from({ length: channels }, () => value);
  switch (range) {
    case '0..1':
      return {};
    case '0..255':
      return { scale: 255 };
    case '-1..1':
      return { mean: each(half), std: each(half) };
    case 'imagenet':
      return { mean: [...imagenet.mean], std: [...imagenet.std] };
  }
}

/** @returns ranges that are tried, or what is known without a trial */
export function pixelsToTry(
  { asked, teacher }: Seen,
  isOpen: boolean,
  channels: number,
  isLabeled: boolean,
): PixelChoice | readonly PixelRange[] | Undecided {
  const beside = teacher?.beside.pixels;
  if (!isOpen) return { setting: {}, why: 'pixels go in as they lie in files, since the teacher takes whole numbers' };
  if (asked.pixels !== undefined) {
    return { setting: settingOf(asked.pixels, channels), why: `pixels are ${words[asked.pixels]}, as --pixels says` };
  }
  if (beside !== undefined && [undefined, 1, channels].includes(beside.mean?.length)) {
    const each = (values: readonly number[]): number[] =>
      Array.from({ length: channels }, (_, at) => values[values.length === 1 ? 0 : at] ?? 0);
    const { scale, mean, std } = beside;
    return {
      setting: {
        ...(scale === undefined || scale === 1 ? {} : { scale }),
        ...(mean === undefined || std === undefined ? {} : { mean: each(mean), std: each(std) }),
      },
      why: 'pixels are prepared as preprocessor_config.json beside the teacher says',
    };
  }
  const ranges = rangesFor(channels);
  return isLabeled
    ? ranges
    : whichPixels(channels, 'the file does not say it, and without labels the answers do not show it');
}

function rangesFor(channels: number): readonly PixelRange[] {
  return channels === 3 ? ['0..1', '0..255', '-1..1', 'imagenet'] : ['0..1', '0..255', '-1..1'];
}

function whichPixels(channels: number, why: string): Undecided {
  return ask({
    option: 'pixels',
    what: 'which values of pixels the teacher was trained on',
    why,
    choices: rangesFor(channels).map((value) => ({ value, words: words[value] })),
  });
}

/** The best trial must be right this much more often than by chance, and this much more likely than the next. */
const aboveChance = 1.5;
const clearlyLess = 0.9;

/** @param tried one trial for each range, on labeled samples */
export function pixelsByTrials(
  tried: readonly { readonly range: PixelRange; readonly trial: Trial }[],
  channels: number,
): (PixelChoice & { readonly range: PixelRange }) | Undecided {
  const failed = tried.find(({ trial }) => !trial.ok);
  // What fails with one range of pixels fails with all: the sentence says why.
  if (failed?.trial.ok === false) return new Undecided({ kind: 'refuse', fault: failed.trial.fault });
  const scored = tried
    .flatMap(({ range, trial }) =>
      trial.ok && trial.score !== null ? [{ range, ...trial.score, columns: trial.columns }] : [],
    )
    .sort((a, b) => a.loss - b.loss);
  const [best, next] = scored;
  const isClear =
    best !== undefined &&
    best.accuracy * best.columns > aboveChance &&
    (next === undefined || best.loss < next.loss * clearlyLess);
  if (!isClear) {
    return whichPixels(
      channels,
      'the file does not say it, and its answers to labeled pictures do not show it clearly',
    );
  }
  const percent = Math.round(best.accuracy * 100);
  return {
    range: best.range,
    setting: settingOf(best.range, channels),
    why: `pixels are ${words[best.range]}: of the usual ways, the teacher is surest of the labels so, and right on ${String(percent)} % of ${String(best.samples)} pictures`,
  };
}
