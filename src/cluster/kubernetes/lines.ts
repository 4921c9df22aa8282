/** The lines of a stream of bytes. A stream that ends in the middle of a line, or a line without end, is an error. */

/** A watch's line holds one object, which etcd keeps below 1.5 MiB. */
const longestLine = 8 * 1024 * 1024;

/**
 * @param heard called with every piece that comes
 * @throws Error for a last line that is not ended, or one that is too long
 */
export async function* linesOf(stream: AsyncIterable<unknown>, heard: () => void): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const piece of stream) {
    heard();
    rest += decoder.decode(piece as Uint8Array, { stream: true });
    for (let end = rest.indexOf('\n'); end >= 0; end = rest.indexOf('\n')) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 1);
      if (line.trim() !== '') yield line;
    }
    if (rest.length > longestLine) throw new Error('found a line without an end');
  }
  if (rest.trim() !== '') throw new Error('found a stream that ends in the middle of a line');
}
