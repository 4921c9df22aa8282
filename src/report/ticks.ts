/** Round numbers for an axis, and numbers as people read them. Pure. */

/** @returns about `count` round numbers from `min` to `max`; of a whole axis no fractions */
export function ticks(min: number, max: number, count: number, kind: 'any' | 'whole'): readonly number[] {
  // Below that, a step has no digits left.
  if (!(max - min > 1e-300)) return [min];
  const raw = (max - min) / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(raw));
  const factors = kind === 'whole' && power < 10 ? [1, 2, 5, 10] : [1, 2, 2.5, 5, 10];
  const factor = factors.find((each) => each * power >= raw * (1 - 1e-9)) ?? 10;
  const step = kind === 'whole' ? Math.max(1, factor * power) : factor * power;
  return multiples(min, max, step);
}

/** Steps of a clock, in seconds. */
const clockSteps = [
  1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400,
] as const;

/** @returns about `count` round times, in seconds */
export function clockTicks(min: number, max: number, count: number): readonly number[] {
  if (!(max > min)) return [min];
  const raw = (max - min) / Math.max(1, count);
  const step = clockSteps.find((each) => each >= raw) ?? 86_400 * Math.ceil(raw / 86_400);
  return multiples(min, max, step);
}

function multiples(min: number, max: number, step: number): number[] {
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  // Bounded: at most as many as fit, never without end for numbers whose difference is lost in their size.
  const length = Math.max(0, Math.min(50, last - first + 1));
  return Array.from({ length }, (_, index) => Number(((first + index) * step).toPrecision(12)));
}

/** @returns such as `1,234`, `0.0312`, `1.2e-7` */
export function numberText(value: number): string {
  const size = Math.abs(value);
  if (size !== 0 && (size < 0.001 || size >= 1e9)) return String(Number(value.toPrecision(3)));
  if (size >= 1_000) return Math.round(value).toLocaleString('en');
  return String(Number(value.toPrecision(size < 1 ? 3 : 4)));
}

/** @returns such as `97.30 %` */
export function shareText(value: number): string {
  return `${(value * 100).toFixed(2)} %`;
}

/** @returns such as `1:02:03`, `2:03` or `3 d 4:00:00` */
export function clockText(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const days = Math.floor(whole / 86_400);
  const hours = Math.floor((whole % 86_400) / 3_600);
  const two = (value: number): string => String(value).padStart(2, '0');
  const minutes = Math.floor((whole % 3_600) / 60);
  const rest = two(whole % 60);
  if (days > 0) return `${String(days)} d ${String(hours)}:${two(minutes)}:${rest}`;
  return hours > 0 ? `${String(hours)}:${two(minutes)}:${rest}` : `${String(minutes)}:${rest}`;
}
