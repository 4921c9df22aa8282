/** How a process ends: by an error, whose type decides the exit code (never a list of classes), or by a stop. */
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

/**
 * For work that has nothing to save yet, such as loading a model: a stop ends it at once, whatever it waits for.
 * @throws WorkerError stopped as soon as the signal aborts; else whatever `work` throws
 */
export async function unlessStopped<T>(stop: AbortSignal, work: () => Promise<T>): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const abort = (): void =>
    stopped.reject(new WorkerError('stopped', { about: '', problem: 'asked to stop before it had begun', remedy: '' }));
  // The race below reports it. Without a race the rejection has no other handler.
  stopped.promise.catch(() => undefined);
  stop.addEventListener('abort', abort, { once: true });
  if (stop.aborted) abort();
  try {
    return await Promise.race([stopped.promise, stop.aborted ? stopped.promise : work()]);
  } finally {
    stop.removeEventListener('abort', abort);
  }
}
