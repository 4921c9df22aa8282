/** What `npm run bench online` compares with. Pure. */

/** Speed-up over one device that computes both, at best. */
export function possibleSpeedup(ratio: number, teachers: number): number {
  return Math.min(1 + ratio, (teachers * (1 + ratio)) / ratio);
}
