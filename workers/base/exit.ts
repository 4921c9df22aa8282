/** How a worker ends: its exit code follows from the type of the error, its last words are the error's sentence. */
import { writeFileSync } from 'node:fs';

import { DistilleryError, type Fault, printable, type Retry } from '@distillery/base';
import type { WorkerEnding } from '@distillery/protocol';

const retries: Readonly<Record<Exclude<WorkerEnding, 'done'>, Retry>> = {
  error: 'Later',
  terminal: 'Never',
  unreachable: 'Later',
  storage: 'AfterSomebodyActs',
  fenced: 'Never',
  stopped: 'Later',
};

/** An error of the process as a whole: its reason is the ending. */
export class WorkerError extends DistilleryError {
  override readonly name: string = 'WorkerError';
  readonly kind: string = 'Worker';
  readonly retry: Retry;

  constructor(
    readonly reason: Exclude<WorkerEnding, 'done'>,
    fault: Fault,
    options?: ErrorOptions,
  ) {
    super(fault, options);
    this.retry = retries[reason];
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
