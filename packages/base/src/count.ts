/** A number with its noun: `1 step`, `2 steps`. Only for nouns whose plural ends in s. */
export function count(number: number, noun: string): string {
  return `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
}
