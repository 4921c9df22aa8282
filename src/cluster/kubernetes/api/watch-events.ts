/**
 * Reads the answer to a watch: one JSON event a line, until the server ends it.
 *
 * Invariants:
 *  watch-events/W1 A line is an event only if its end was received: a cut line is an error, never half an object.
 *  watch-events/W2 Memory is bounded by the longest line.
 */
import { ApiError, errorOfStatus } from './errors.js';
import { excerpt, fieldsOf, parsed } from './json.js';
import type { ResourceKind } from './kinds.js';
import { storedObject, type StoredObject } from './object.js';

export type WatchEvent =
  /** The server has accepted the watch; there is no event yet. */
  | { readonly type: 'opened' }
  /** Created or changed. A store of the latest state treats both alike. */
  | { readonly type: 'set'; readonly object: StoredObject }
  | { readonly type: 'deleted'; readonly object: StoredObject }
  /** There is no event up to this version. */
  | { readonly type: 'bookmark'; readonly resourceVersion: string };

const newline = 0x0a;

/**
 * Lines of a stream without their line breaks; empty lines are skipped.
 * @throws ApiError malformed when a line is longer than `longestBytes`, unreachable when the stream ends within a line
 */
export async function* linesOf(
  chunks: AsyncIterable<Uint8Array>,
  longestBytes: number,
  doing: string,
): AsyncGenerator<string, void, undefined> {
  let parts: Uint8Array[] = [];
  let bytes = 0;
  const add = (part: Uint8Array): void => {
    bytes += part.length;
    if (bytes > longestBytes) {
      throw new ApiError('malformed', {
        doing,
        fault: {
          about: doing,
          found: `a line of more than ${longestBytes} bytes`,
          expected: 'one event of the API',
          remedy: '',
        },
      });
    }
    parts.push(part);
  };
  for await (const chunk of chunks) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      add(chunk.subarray(from, end));
      from = end + 1;
      // Decode the whole line: a character may span two chunks.
      const line = Buffer.concat(parts, bytes).toString('utf8');
      parts = [];
      bytes = 0;
      if (line.trim() !== '') yield line;
    }
    if (from < chunk.length) add(chunk.subarray(from));
  }
  if (bytes > 0) {
    throw new ApiError('unreachable', {
      doing,
      fault: {
        about: doing,
        problem: `the connection ended within a line, after ${bytes} of its bytes`,
        remedy: '',
      },
    });
  }
}

/** @throws ApiError the error of an ERROR event, or malformed when the line is not an event */
export function watchEvent(line: string, kind: ResourceKind, doing: string): WatchEvent {
  const { type, object } = fieldsOf(parsed(line)?.value) ?? {};
  switch (type) {
    case 'ADDED':
    case 'MODIFIED':
      return { type: 'set', object: storedObject(object, kind, doing) };
    case 'DELETED':
      return { type: 'deleted', object: storedObject(object, kind, doing) };
    case 'BOOKMARK': {
      const resourceVersion = fieldsOf(fieldsOf(object)?.metadata)?.resourceVersion;
      if (typeof resourceVersion === 'string') return { type: 'bookmark', resourceVersion };
      break;
    }
    case 'ERROR':
      throw errorOfStatus(doing, object);
    default:
  }
  throw new ApiError('malformed', {
    doing,
    fault: {
      about: doing,
      found: `"${excerpt(line, 40)}"`,
      expected: 'an event of the API',
      remedy: '',
    },
  });
}
