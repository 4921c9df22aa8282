/** Work that has nothing to save yet, such as loading a model: a stop ends it at once, whatever it waits for. */
import { WorkerError } from '../base/index.js';

/** @throws WorkerError stopped as soon as the signal aborts; else whatever `work` throws */
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
