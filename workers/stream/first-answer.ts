/**
 * Asks a question again while its answer is late, and takes the first answer that comes, also the late one of the first
 * question: on a link that is slower than the patience, giving up each question before its answer arrives would never end.
 */
import type { Clock } from '@distillery/base';
import { TimeoutError } from '@nats-io/transport-node';

/** An answer of a healthy server takes milliseconds; one that is lost or late is noticed after this. */
const firstPatienceMs = 2_000;
/** Doubled with every question up to this, so that a slow server is not flooded. */
const longestPatienceMs = 16_000;

export interface AnswerOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called when an answer is late, with the time waited so far. */
  readonly late?: ((waitedMs: number) => void) | undefined;
}

/**
 * Only for calls that may be done twice. Every call must give up by itself with a TimeoutError.
 * @returns the first answer
 * @throws the first error that is an answer; TimeoutError when every call gave up; the reason of `signal`
 */
export async function firstAnswer<T>(call: () => Promise<T>, clock: Clock, options: AnswerOptions = {}): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const over = new AbortController();
  let open = 0;
  const ask = (): void => {
    open += 1;
    call().then(resolve, (error: unknown) => {
      open -= 1;
      if (!isTimeout(error) || open === 0) reject(error);
    });
  };
  const askAgain = async (): Promise<void> => {
    let waitedMs = 0;
    for (let patienceMs = firstPatienceMs; ; patienceMs = Math.min(patienceMs * 2, longestPatienceMs)) {
      await clock.sleep(patienceMs, over.signal);
      if (over.signal.aborted) return;
      waitedMs += patienceMs;
      options.late?.(waitedMs);
      ask();
    }
  };
  const abort = (): void => reject(options.signal?.reason as Error);
  options.signal?.addEventListener('abort', abort, { once: true });
  if (options.signal?.aborted === true) abort();
  else ask();
  void askAgain();
  try {
    return await promise;
  } finally {
    over.abort();
    options.signal?.removeEventListener('abort', abort);
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof TimeoutError || (error instanceof Error && error.cause instanceof TimeoutError);
}
