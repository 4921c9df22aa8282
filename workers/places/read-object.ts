/** One object, piece by piece, for a reader that keeps none of it. */
import { RemoteError } from './errors.js';
import { type RetryTools, withRetries } from './retries.js';
import { ifRangeOf, isOfOther, partIn, type Source, type Version } from './source.js';

type Pieces = AsyncIterator<Uint8Array>;

/**
 * The bytes of one version of an object, continued after cuts.
 * @throws RemoteError, changed when the server has another version
 */
export async function* readObject(
  source: Source,
  version: Version & { readonly length: number },
  tools: RetryTools,
): AsyncGenerator<Uint8Array> {
  const { about } = source;
  let at = 0;
  let open: { readonly pieces: Pieces; readonly drop: () => void } | null = null;
  const close = (): void => {
    open?.drop();
    open = null;
  };
  const attempt = async (): Promise<Uint8Array> => {
    try {
      open ??= await openFrom(source, version, at, tools.signal);
      const next = await open.pieces.next();
      if (next.done === true) {
        const problem = `the server ended the file after ${String(at)} of ${String(version.length)} bytes`;
        throw new RemoteError('cut', { about, problem, remedy: 'try again later' });
      }
      if (at + next.value.length > version.length) throw changed(about);
      return next.value;
    } catch (error) {
      close();
      throw error;
    }
  };
  try {
    while (at < version.length) {
      const piece = await withRetries({ attempt, furthest: 0 }, about, tools);
      at += piece.length;
      yield piece;
    }
  } finally {
    close();
  }
}

async function openFrom(
  source: Source,
  version: Version,
  at: number,
  signal: AbortSignal,
): Promise<{ readonly pieces: Pieces; readonly drop: () => void }> {
  const condition = ifRangeOf(version);
  const headers = {
    range: `bytes=${String(at)}-`,
    'accept-encoding': 'identity',
    ...(condition === null ? {} : { 'if-range': condition }),
  };
  const answer = await source.ask(headers, signal);
  const part = partIn(answer);
  if (part?.first === at && part.total === version.length && !isOfOther(version, answer)) {
    return { pieces: answer.body[Symbol.asyncIterator](), drop: answer.drop };
  }
  answer.drop();
  throw changed(source.about);
}

function changed(about: string): RemoteError {
  const problem = 'the content changed while it was read';
  return new RemoteError('changed', { about, problem, remedy: 'try again when no program writes it' });
}
