/** What the commands share in their options. It imports little: every command loads it. */
import { InvalidArgumentError } from 'commander';

/** A value of an option, such as `--slots 2`. @throws InvalidArgumentError */
export function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}
