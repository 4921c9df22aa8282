/** How a process ends by an error: its exit code follows from the type of the error, never from a list of classes. */
import { DistilleryError, type Retry } from '@distillery/base';
import type { WorkerEnding } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';

/** The endings of errors that say no more than when another attempt helps. */
const endings = {
  Never: 'terminal',
  Later: 'error',
  AfterSomebodyActs: 'storage',
} as const satisfies Record<Retry, WorkerEnding>;

/** How a process ends by this error. One that is not ours may pass: another attempt is made, and charged. */
export function endingOf(error: unknown): Exclude<WorkerEnding, 'done'> {
  if (error instanceof WorkerError) return error.reason;
  return error instanceof DistilleryError ? endings[error.retry] : 'error';
}
