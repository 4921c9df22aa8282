/** The start of a stream, without reading the rest. */

/** At least the first `least` bytes, where it has as many. The stream ends then. */
export async function firstBytes(stream: AsyncIterable<Uint8Array>, least: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let got = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    got += chunk.length;
    // Leaving the loop ends the stream.
    if (got >= least) break;
  }
  return Buffer.concat(chunks);
}
