/** Gets a file over HTTP, within limits of time and until it is stopped. */

const connectLimitMs = 5_000;
const downloadLimitMs = 180_000;

/**
 * Bytes behind a URL. The first limit is for the headers, so that an unreachable host fails fast.
 * @throws Error with a sentence; the signal's reason once it aborts
 */
export async function download(url: string, stop: AbortSignal): Promise<Uint8Array> {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(new Error(`no answer within ${connectLimitMs / 1_000} s`)), connectLimitMs);
  try {
    const response = await fetch(url, { signal: AbortSignal.any([abort.signal, stop]) });
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(new Error('the download took too long')), downloadLimitMs);
    if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } finally {
    clearTimeout(timer);
  }
}
