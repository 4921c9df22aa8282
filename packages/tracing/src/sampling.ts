/** Which traces are recorded. Pure. */
import { mix32 } from '@distillery/base';

/**
 * Whether the trace of this number is recorded. A function of the number: every attempt of a student samples the same steps, and
 * nothing remembers which.
 * @param ratio from 0 to 1
 */
export function isSampled(number: number, ratio: number): boolean {
  return mix32(number) < ratio * 2 ** 32;
}
