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
  output.write(`${capitalized(printable(what))}? ${capitalized(printable(why))}.\n${lines.join('\n')}\n`);
  // Not in raw mode: Ctrl-C stays a signal, and stops the command as everywhere else.
  const reader = createInterface({ input, terminal: false });
  try {
    for (;;) {
      output.write(`1 to ${String(choices.length)} (${optionOf[option]}): `);
      const line = await nextLine(reader, stop);
      if (line === null) return null;
      const at = chosenBy(line.trim(), question, shown);
      if (at !== null) return at;
    }
  } finally {
    reader.close();
  }
}

/** By its number, or as it is written. */
function chosenBy(line: string, { choices }: Question, shown: (value: string) => string): number | null {
  const number = /^\d{1,3}$/.test(line) ? Number(line) - 1 : -1;
  const at = choices.findIndex(({ value }, place) => place === number || value === line || shown(value) === line);
  return at < 0 ? null : at;
}

function nextLine(reader: ReturnType<typeof createInterface>, stop: AbortSignal): Promise<string | null> {
  return new Promise((settle) => {
    const end = (line: string | null): void => {
      stop.removeEventListener('abort', onStop);
      reader.off('line', end);
      reader.off('close', onClose);
      settle(line);
    };
    const onStop = (): void => end(null);
    const onClose = (): void => end(null);
    stop.addEventListener('abort', onStop, { once: true });
    reader.once('line', end);
    reader.once('close', onClose);
    if (stop.aborted) end(null);
  });
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
