/**
 * The student's side of LOGITS: frames as they are stored, through the durable consumer that the operator made.
 *
 * A hint, not the truth: the consumer takes no acknowledgements, so a frame that was on its way to a dying connection
 * never comes again, and a recreated stream delivers frames again. The student probes what it misses and drops what it
 * has (design §4 "Gaps", feed-and-probe.ts).
 */
import { type JobNames } from '@distillery/protocol';

import { AsyncQueue } from './async-queue.js';
import type { StreamLink } from './connect.js';
import { deliveryOf, frameIdOf } from './delivery.js';
import type { StoredFrame } from './feed-and-probe.js';
import { Puller } from './puller.js';
import { traceparentIn } from './trace-header.js';

/** Frames in memory at most: 512 KiB each, so 16 MiB. */
const defaultPrefetch = 32;

/**
 * Frames until the signal aborts, across reconnects, dead servers and streams that are created again.
 * @throws StreamUnreachable when the connection is closed for good
 */
export async function* logitsReader(
  link: StreamLink,
  names: JobNames,
  rank: number,
  signal: AbortSignal,
  prefetch = defaultPrefetch,
): AsyncGenerator<StoredFrame> {
  const queue = new AsyncQueue<StoredFrame>();
  const puller = new Puller(link, {
    stream: names.streams.logits,
    consumer: names.consumers.student(rank),
    capacity: prefetch,
    onMessage: ({ subject, reply, data, headers }) => {
      const { sequence } = deliveryOf(reply ?? '');
      queue.push({ sequence, ...frameIdOf(subject), data, traceparent: traceparentIn(headers) });
    },
  });
  void link.closed.then((reason) => {
    if (reason === null) queue.end();
    else queue.fail(reason);
  });
  const end = (): void => queue.end();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    for (;;) {
      const frame = await queue.take();
      if (frame === undefined || signal.aborted) return;
      yield frame;
      puller.release();
    }
  } finally {
    signal.removeEventListener('abort', end);
    await puller.stop();
  }
}
