/**
 * The teacher's side of WORK: takes items from the durable consumer that all teachers of a job share.
 *
 * Invariants:
 *  work-queue/W1 A delivery that is held is kept from redelivery by `working` every third of ack-wait, from the main
 *     thread, so that a long inference does not look like a death.
 *  work-queue/W2 At the end, what was buffered and not handed out is given back at once; what was handed out stays its
 *     holder's.
 *  work-queue/W3 At most `teacherPrefetch` deliveries are buffered and held together (I4).
 */
import {
  ackWaitMs,
  decodeWorkItem,
  type JobNames,
  teacherPrefetch,
  type WorkItem,
  WorkItemError,
} from '@distillery/protocol';
import type { Msg } from '@nats-io/transport-node';

import { AsyncQueue } from './async-queue.js';
import type { StreamLink } from './connect.js';
import { deliveryOf, frameIdOf } from './delivery.js';
import { Puller } from './puller.js';
import { traceparentIn } from './trace-header.js';

/** One delivery of a work item. Settled once, by `done` or `giveBack`; later calls change nothing. */
export interface WorkDelivery {
  /** The item, or why the message is not one. */
  readonly item: WorkItem | WorkItemError;
  /** 1 at the first delivery. */
  readonly deliveries: number;
  readonly shard: number;
  readonly step: number;
  /** Its header of that name, unchecked. */
  readonly traceparent?: string | undefined;
  /** Acknowledges the item, and waits for the server's confirmation while the server can be asked. */
  done(): Promise<void>;
  /** Returns the item to the queue; it is delivered again after the delay. */
  giveBack(delayMs: number): void;
}

const confirmLimitMs = 2_000;
const nanosecondsPerMs = 1_000_000;

class Held implements WorkDelivery {
  readonly item: WorkItem | WorkItemError;
  readonly deliveries: number;
  readonly shard: number;
  readonly step: number;
  readonly traceparent: string | undefined;
  readonly #link: StreamLink;
  readonly #message: Msg;
  readonly #onSettled: (delivery: Held) => void;
  #settled = false;

  constructor(link: StreamLink, message: Msg, onSettled: (delivery: Held) => void) {
    this.#link = link;
    this.#message = message;
    this.#onSettled = onSettled;
    this.deliveries = deliveryOf(message.reply ?? '').deliveries;
    const id = frameIdOf(message.subject);
    this.shard = id.shard;
    this.step = id.step;
    this.item = readItem(message.data, id);
    this.traceparent = traceparentIn(message.headers);
  }

  working(): void {
    if (!this.#settled) this.#answer('+WPI');
  }

  giveBack(delayMs: number): void {
    if (this.#settled) return;
    this.#settle();
    this.#answer(delayMs === 0 ? '-NAK' : `-NAK ${JSON.stringify({ delay: delayMs * nanosecondsPerMs })}`);
  }

  async done(): Promise<void> {
    if (this.#settled) return;
    this.#settle();
    const { connection } = this.#link;
    try {
      await this.#link.untilAnswered(`confirm step ${this.step}, shard ${this.shard}`, async () => {
        try {
          await connection.request(this.#message.reply ?? '', '+ACK', { timeout: confirmLimitMs });
        } catch (error) {
          // A server that is there and does not know the delivery never will: its stream was created again. Unconfirmed
          // is harmless: the item is delivered once more at most, and its frame found stored (I3).
          if (!this.#link.connected) throw error;
        }
      });
    } catch (error) {
      // A connection closed for good confirms nothing; the same holds.
      if (!connection.isClosed()) throw error;
    }
  }

  #settle(): void {
    this.#settled = true;
    this.#onSettled(this);
  }

  #answer(payload: string): void {
    if (!this.#link.connection.isClosed()) this.#link.connection.publish(this.#message.reply ?? '', payload);
  }
}

/**
 * Deliveries until the signal aborts, across reconnects, dead servers and streams that are created again.
 * Leaving the loop early has the same effect.
 * @throws StreamUnreachable when the connection is closed for good
 */
export async function* workQueue(link: StreamLink, names: JobNames, signal: AbortSignal): AsyncGenerator<WorkDelivery> {
  const held = new Set<Held>();
  const queue = new AsyncQueue<Held>();
  const settled = new AbortController();
  let ending = false;
  const puller = new Puller(link, {
    stream: names.streams.work,
    consumer: names.consumers.teachers,
    capacity: teacherPrefetch,
    onMessage: (message) => {
      const delivery = new Held(link, message, (each) => {
        held.delete(each);
        puller.release();
        if (ending && held.size === 0) settled.abort();
      });
      if (ending) {
        delivery.giveBack(0);
        return;
      }
      held.add(delivery);
      queue.push(delivery);
    },
  });
  void link.closed.then((reason) => {
    if (reason === null) queue.end();
    else queue.fail(reason);
  });
  void keepAlive(link, held, settled.signal);
  const end = (): void => {
    if (ending) return;
    ending = true;
    queue.end();
    for (const delivery of queue.drain()) delivery.giveBack(0);
    if (held.size === 0) settled.abort();
  };
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  try {
    for (;;) {
      const delivery = await queue.take();
      if (delivery === undefined) return;
      yield delivery;
    }
  } finally {
    signal.removeEventListener('abort', end);
    end();
    await puller.stop();
  }
}

/** work-queue/W1. Runs on after the end of the queue until everything handed out is settled. */
async function keepAlive(link: StreamLink, held: ReadonlySet<Held>, settled: AbortSignal): Promise<void> {
  while (!settled.aborted && !link.connection.isClosed()) {
    await link.clock.sleep(ackWaitMs / 3, settled);
    // Answers without a connection would pile up in the client and arrive too late to help.
    if (link.connected) for (const delivery of held) delivery.working();
  }
}

function readItem(data: Uint8Array, id: { readonly shard: number; readonly step: number }): WorkItem | WorkItemError {
  try {
    const item = decodeWorkItem(data);
    if (item.step === id.step && item.shard === id.shard) return item;
    return new WorkItemError('step', {
      problem: `found step ${item.step}, shard ${item.shard} on the subject of step ${id.step}, shard ${id.shard}`,
      remedy: '',
    });
  } catch (error) {
    if (error instanceof WorkItemError) return error;
    throw error;
  }
}
