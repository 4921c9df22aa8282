/** How a worker ends: an error that knows its exit code, and the last sentence. */
import { writeFileSync } from 'node:fs';

import { printable } from '@distillery/base';
import type { WorkerEnding } from '@distillery/protocol';

/** An error that knows how the process must end. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  constructor(
    readonly ending: Exclude<WorkerEnding, 'done'>,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The last sentence of a worker, where kubelet or the local engine looks for it. Never throws: it is the last act. */
export function writeLastWords(path: string, sentence: string): void {
  try {
    writeFileSync(path, printable(sentence).slice(0, 4_000));
  } catch {
    // Without a termination log the sentence is still in the worker's own log.
  }
}
