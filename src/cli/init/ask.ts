/** Asks the person at a terminal. */
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';

import { printable } from '@distillery/base';

import { optionOf, type Question } from './request.js';

export interface Person {
  /** Of this process. */
  readonly input: Readable;
  readonly output: Pick<Writable, 'write'>;
}

/** @param shown how each choice is written for the person @returns the number of the choice; null when the person ends the input or stops */
export async function askPerson(
  question: Question,
  shown: (value: string) => string,
  { input, output }: Person,
  stop: AbortSignal,
): Promise<number | null> {
  const { what, why, choices, option } = question;
  const lines = choices.map(({ value, words }, at) => {
    return `  ${String(at + 1)}  ${printable(shown(value))}${words === '' ? '' : `  (${printable(words)})`}`;
  });
  output.write(`Choose ${printable(what)} (${printable(why)}):\n${lines.join('\n')}\n`);
  const prompt = `1 to ${String(choices.length)} (${optionOf[option]}): `;
  output.write(prompt);
  // Not in raw mode: Ctrl-C stays a signal, and stops the command as everywhere else.
  for await (const line of createInterface({ input, terminal: false, signal: stop })) {
    const at = chosenBy(line.trim(), question, shown);
    if (at !== null) return at;
    output.write(prompt);
  }
  return null;
}

/** By its number, or as it is written. */
function chosenBy(line: string, { choices }: Question, shown: (value: string) => string): number | null {
  const number = /^\d{1,3}$/.test(line) ? Number(line) - 1 : -1;
  const at = choices.findIndex(({ value }, index) => index === number || value === line || shown(value) === line);
  return at < 0 ? null : at;
}
