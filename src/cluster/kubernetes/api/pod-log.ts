/**
 * The log of a container, line by line.
 *
 * Invariant: memory is bounded by the longest line that is kept; what is longer is cut.
 */
import { builtInKinds, objectPath } from './kinds.js';
import type { Transport } from './transport.js';

export interface PodLogOptions {
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  /** Wait for further lines until the container ends. */
  readonly follow: boolean;
  /** Of the container before the present one. */
  readonly previous?: boolean;
  /** Number of last lines; absent = all. */
  readonly tailLines?: number;
  /** Only lines since this time, in RFC 3339. */
  readonly sinceTime?: string;
  readonly sinceSeconds?: number;
  readonly signal?: AbortSignal;
}

/** A kubelet splits lines at 16 KiB; other runtimes do not. */
const longestLine = 64 * 1024;

/** @returns lines, each with the time of the kubelet before it @throws ApiError */
export async function* podLog(transport: Transport, options: PodLogOptions): AsyncGenerator<string, void, undefined> {
  const { namespace, pod, container, follow, previous = false, tailLines, sinceTime, sinceSeconds, signal } = options;
  const query = new URLSearchParams({
    container,
    timestamps: 'true',
    ...(follow ? { follow: 'true' } : {}),
    ...(previous ? { previous: 'true' } : {}),
    ...(tailLines === undefined ? {} : { tailLines: String(tailLines) }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds: String(sinceSeconds) }),
  });
  const path = objectPath(builtInKinds.pods, namespace, pod, 'log');
  const stream = await transport.stream({ method: 'GET', path, query, doing: `log of ${namespace}/${pod}`, signal });
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const chunk of stream.chunks) {
      const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
      rest = cut(lines.pop() ?? '');
      for (const line of lines) yield cut(line);
    }
    // A container that is killed may end within a line.
    if (rest !== '') yield rest;
  } finally {
    stream.close();
  }
}

function cut(line: string): string {
  return line.length <= longestLine ? line : line.slice(0, longestLine);
}
