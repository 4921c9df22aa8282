/**
 * The main thread's end of a compute thread: tensors are computed there, so that heartbeats, `working()` and signals
 * are answered here (onnxruntime-node and tfjs both block the thread they run on, for seconds at worst).
 *
 * Invariants:
 *  C1 Calls are served one at a time in the order made; each is answered exactly once.
 *  C2 When the thread ends, for whatever reason, every pending and every later call is rejected with a ComputeError.
 */
import { Worker } from 'node:worker_threads';

import { createGate, quiet, shut, waitUntilQuiet } from './gate.js';
import { type Call, type CrossedError, packed, type Reply } from './messages.js';
import type { Handlers } from './serve.js';

type ComputeFault =
  /** The thread ended by itself: an uncaught error, out of memory, process.exit. */
  | { readonly kind: 'died'; readonly exitCode: number | null }
  /** `close` was called. */
  | { readonly kind: 'closed' }
  /** A handler threw an error of a class that nobody revives; `errorName` and `fields` are that error's. */
  | { readonly kind: 'failed'; readonly errorName: string; readonly fields: CrossedError['fields'] };

export class ComputeError extends Error {
  override readonly name = 'ComputeError';
  readonly fault: ComputeFault;

  constructor(thread: string, fault: ComputeFault, reason: string, options?: ErrorOptions) {
    super(`${thread} thread: ${reason}`, options);
    this.fault = fault;
  }
}

/** A result with the compute thread's account of it. */
interface Computed<T> {
  readonly value: T;
  /** Milliseconds that the call took there. */
  readonly busyMs: number;
  /** Milliseconds that the thread had waited before it. */
  readonly idleMs: number;
}

export interface ComputeThread<H extends Handlers<H>> {
  /** Whole arrays in `input` are given up by the caller; see messages.ts. */
  call<M extends keyof H & string>(method: M, input: Parameters<H[M]>[0]): Promise<Computed<Awaited<ReturnType<H[M]>>>>;
  /** Resolves when the thread has ended, with the reason that pending calls were given. */
  readonly ended: Promise<ComputeError>;
  /** Ends the thread as its options say; calls that have not begun are rejected. */
  close(): Promise<void>;
}

export interface ComputeOptions {
  /** For messages: "inference". */
  readonly name: string;
  /**
   * How the thread may be ended: in the middle of a call, or, where native code runs, only after it. The latter also
   * holds up the exit of the process, see gate.ts.
   */
  readonly ending: 'interrupt' | 'afterCall';
  /** Error classes made anew on this side, by name, from the fields that crossed. */
  readonly revive: ReadonlyMap<string, (error: CrossedError) => Error>;
}

/** Longer than a batch takes on a slow machine; a process that exits is not held up for ever. */
const exitWaitMs = 10_000;

interface Pending {
  readonly resolve: (computed: Computed<never>) => void;
  readonly reject: (error: Error) => void;
}

/** Starts `module`, which calls serveCompute with handlers of type H. */
export function startCompute<H extends Handlers<H>>(
  module: URL,
  { name, ending, revive }: ComputeOptions,
): ComputeThread<H> {
  const gate = createGate();
  const worker = new Worker(module, { name, workerData: { gate } });
  const pending = new Map<number, Pending>();
  let nextId = 0;
  let reason = '';
  let cause: unknown;
  let closing = false;
  let endedWith: ComputeError | undefined;

  worker.on('message', (reply: Reply) => {
    const call = pending.get(reply.id);
    pending.delete(reply.id);
    if (call === undefined) return;
    if (!reply.ok) call.reject(revived(name, reply.error, revive));
    else call.resolve({ value: reply.value as never, busyMs: reply.busyMs, idleMs: reply.idleMs });
  });
  // 'exit' always follows, and settles what is pending.
  worker.on('error', (error: Error) => {
    cause = error;
    reason = `: ${error.message}`;
  });
  const holdUpExit = (): void => {
    shut(gate);
    waitUntilQuiet(gate, exitWaitMs);
  };
  if (ending === 'afterCall') process.once('exit', holdUpExit);
  const ended = new Promise<ComputeError>((resolve) => {
    worker.once('exit', (exitCode) => {
      process.removeListener('exit', holdUpExit);
      endedWith = closing
        ? new ComputeError(name, { kind: 'closed' }, 'was closed')
        : new ComputeError(name, { kind: 'died', exitCode }, `ended with code ${exitCode}${reason}`, { cause });
      for (const { reject } of pending.values()) reject(endedWith);
      pending.clear();
      resolve(endedWith);
    });
  });

  return {
    ended,
    call: (method, input) =>
      new Promise((resolve, reject: (error: Error) => void) => {
        if (endedWith !== undefined || closing) {
          reject(endedWith ?? new ComputeError(name, { kind: 'closed' }, 'is being closed'));
          return;
        }
        const { content, buffers } = packed(input);
        const call: Call = { id: nextId++, method, input: content };
        worker.postMessage(call, buffers);
        pending.set(call.id, { resolve, reject });
      }),
    close: async () => {
      closing = true;
      if (ending === 'afterCall') {
        shut(gate);
        // A thread that died in a call never leaves the gate.
        await Promise.race([quiet(gate), ended]);
      }
      await worker.terminate();
      await ended;
    },
  };
}

function revived(thread: string, error: CrossedError, revive: ComputeOptions['revive']): Error {
  const { name, message, stack, fields } = error;
  const known = revive.get(name)?.(error);
  if (known === undefined) {
    return new ComputeError(thread, { kind: 'failed', errorName: name, fields }, `${name}: ${message}`, {
      cause: stack,
    });
  }
  known.stack = stack;
  return known;
}
