/** The compute thread's side of the calls: serves one at a time, in order, and counts its busy and idle time. */
import { parentPort, workerData } from 'node:worker_threads';

import { enter, type Gate, leave } from './gate.js';
import { type Call, packed, type Reply, thrownOf } from './messages.js';

/** What a compute module offers; inputs and results are plain data and typed arrays. */
export type Handlers<H> = { readonly [M in keyof H]: (input: never) => unknown };

/**
 * Serves `handlers` to the thread that started this module. What a handler returns is moved, not copied: it must not
 * keep the arrays.
 * @throws when this is no worker thread
 */
export function serveCompute<H extends Handlers<H>>(handlers: H): void {
  const port = parentPort;
  if (port === null) throw new Error('serveCompute: found the main thread, expected a worker thread');
  const table = new Map<string, (input: never) => unknown>(Object.entries(handlers));
  let idleSince = performance.now();
  const { gate } = workerData as { readonly gate: Gate };
  const serve = async ({ id, method, input }: Call): Promise<void> => {
    // Shut: this thread is about to be ended, and its owner answers the call.
    if (!enter(gate)) return;
    const started = performance.now();
    const idleMs = started - idleSince;
    const times = (): { busyMs: number; idleMs: number } => {
      idleSince = performance.now();
      return { busyMs: idleSince - started, idleMs };
    };
    let reply: Reply;
    let buffers: ArrayBuffer[] = [];
    try {
      const handler = table.get(method);
      if (handler === undefined) throw new Error(`compute thread: found no method ${method}`);
      // The caller's types are those of the handlers: startCompute<H> is given the same H.
      const parcel = packed(await handler(input as never));
      buffers = parcel.buffers;
      reply = { id, ...times(), ok: true, value: parcel.content };
    } catch (error) {
      reply = { id, ...times(), ok: false, thrown: thrownOf(error) };
    }
    port.postMessage(reply, buffers);
    leave(gate);
  };
  let last = Promise.resolve();
  port.on('message', (call: Call) => {
    last = last.then(() => serve(call));
  });
}
