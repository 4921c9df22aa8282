/** One request to the API server about a lease, under a time limit. */
import type { Clock } from '@distillery/base';

export type Answer<T> =
  | { readonly kind: 'answered'; readonly value: T }
  /** The request may have taken effect, may take effect later, or never. */
  | { readonly kind: 'unknown'; readonly error: unknown };

/** Waits for at most `limitMs`, even when `call` ignores its signal. */
export async function answerWithin<T>(
  limitMs: number,
  { clock, cancel }: { readonly clock: Clock; readonly cancel: AbortSignal },
  call: (limit: AbortSignal) => Promise<T>,
): Promise<Answer<T>> {
  const over = new AbortController();
  const stop = (): void => over.abort();
  cancel.addEventListener('abort', stop, { once: true });
  if (cancel.aborted) stop();
  const answer = (async () => call(over.signal))().then(
    (value): Answer<T> => ({ kind: 'answered', value }),
    (error: unknown): Answer<T> => ({ kind: 'unknown', error }),
  );
  const late = clock
    .sleep(limitMs, over.signal)
    .then((): Answer<T> => ({ kind: 'unknown', error: new Error(`no answer within ${Math.round(limitMs)} ms`) }));
  try {
    return await Promise.race([answer, late]);
  } finally {
    stop();
    cancel.removeEventListener('abort', stop);
  }
}
