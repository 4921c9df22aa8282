/**
 * The main thread's end of a compute thread: tensors are computed there, so that heartbeats, `working()` and signals
 * are answered here (onnxruntime-node and tfjs both block the thread they run on, for seconds at worst).
 *
 * Invariants:
 *  thread/C1 Calls are served one at a time in the order made; each is answered exactly once.
 *  thread/C2 When the thread ends, for whatever reason, every pending and every later call is rejected with a
 *     ComputeError.
 *  thread/C3 A call that takes longer than the limit ends the thread, so no promise of this room stays unsettled. Where
 *     the thread cannot be ended (native code), it is left behind, and the process still ends with its own exit code.
 */
import { Worker } from 'node:worker_threads';

import { DistilleryError, revived } from '@distillery/base';

import { framesOf, librarySentence } from '../base/index.js';
import { createGate, isBusy, quiet, shut, waitUntilQuiet } from './gate.js';
import { leaveProcess } from './leave-process.js';
import { type Call, packed, type Reply, type Thrown } from './messages.js';
import type { Handlers } from './serve.js';
import { startTimeLimit } from './time-limit.js';

type ComputeEnd =
  /** The thread ended by itself: an uncaught error, out of memory, process.exit. */
  | { readonly kind: 'died'; readonly exitCode: number | null }
  /** `close` was called. */
  | { readonly kind: 'closed' }
  /** A call took longer than the limit. */
  | { readonly kind: 'stuck'; readonly method: string; readonly limitSeconds: number }
  /** A handler threw an error of a library. */
  | { readonly kind: 'failed'; readonly errorName: string };

/** The thread, or a call of it, came to an end. Another attempt may not: it is made, and charged. */
export class ComputeError extends DistilleryError {
  override readonly name = 'ComputeError';
  readonly kind = 'Compute';
  readonly retry = 'Later';

  constructor(
    thread: string,
    readonly end: ComputeEnd,
    problem: string,
    options?: ErrorOptions,
  ) {
    super({ about: `${thread} thread`, problem, remedy: '' }, options);
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
  /** Longest time that one call may take. */
  readonly limitSeconds: number;
}

/** Longer than a batch takes on a slow machine; the exit of a process is held up no longer. */
const exitWaitMs = 10_000;

interface Pending {
  readonly method: string;
  readonly resolve: (computed: Computed<never>) => void;
  readonly reject: (error: Error) => void;
}

/** Starts `module`, which calls serveCompute with handlers of type H. */
export function startCompute<H extends Handlers<H>>(
  module: URL,
  { name, ending, limitSeconds }: ComputeOptions,
): ComputeThread<H> {
  const gate = createGate();
  const worker = new Worker(module, { name, workerData: { gate } });
  const pending = new Map<number, Pending>();
  let nextId = 0;
  let reason = '';
  let cause: unknown;
  let closing = false;
  let endedWith: ComputeError | undefined;
  /** Why the thread is given up while it still runs (thread/C3). */
  let stuck: ComputeError | undefined;
  const limit = startTimeLimit(limitSeconds * 1_000, () => giveUp());

  worker.on('message', (reply: Reply) => {
    const call = pending.get(reply.id);
    pending.delete(reply.id);
    // Calls are worked off in order: the next one begins now (thread/C1).
    if (pending.size === 0) limit.stop();
    else limit.restart();
    if (call === undefined) return;
    if (!reply.ok) call.reject(errorOf(name, reply.thrown));
    else call.resolve({ value: reply.value as never, busyMs: reply.busyMs, idleMs: reply.idleMs });
  });
  // 'exit' always follows, and settles what is pending.
  worker.on('error', (error: Error) => {
    cause = error;
    reason = `: ${librarySentence(error)}`;
  });
  const holdUpExit = (exitCode: number): void => {
    shut(gate);
    if (stuck === undefined) waitUntilQuiet(gate, exitWaitMs);
    if (isBusy(gate)) leaveProcess(exitCode);
  };
  if (ending === 'afterCall') process.once('exit', holdUpExit);
  const over = Promise.withResolvers<ComputeError>();
  const end = (error: ComputeError): void => {
    endedWith ??= error;
    limit.stop();
    for (const { reject } of pending.values()) reject(endedWith);
    pending.clear();
    over.resolve(endedWith);
  };
  worker.once('exit', (exitCode) => {
    process.removeListener('exit', holdUpExit);
    if (stuck !== undefined) end(stuck);
    else if (closing) end(new ComputeError(name, { kind: 'closed' }, 'was closed'));
    else end(new ComputeError(name, { kind: 'died', exitCode }, `ended with code ${exitCode}${reason}`, { cause }));
  });
  const giveUp = (): void => {
    const method = pending.values().next().value?.method ?? '';
    const sentence = `a call did not end within ${limitSeconds} s (${method})`;
    stuck = new ComputeError(name, { kind: 'stuck', method, limitSeconds }, sentence);
    if (ending === 'interrupt') {
      void worker.terminate();
      return;
    }
    // Native code cannot be stopped: the thread is left alone until the process ends.
    shut(gate);
    worker.unref();
    end(stuck);
  };

  return {
    ended: over.promise,
    call: (method, input) =>
      new Promise((resolve, reject: (error: Error) => void) => {
        const gone = endedWith ?? stuck;
        if (gone !== undefined || closing) {
          reject(gone ?? new ComputeError(name, { kind: 'closed' }, 'is being closed'));
          return;
        }
        const { content, buffers } = packed(input);
        const call: Call = { id: nextId++, method, input: content };
        worker.postMessage(call, buffers);
        if (pending.size === 0) limit.restart();
        pending.set(call.id, { method, resolve, reject });
      }),
    close: async () => {
      closing = true;
      if (ending === 'afterCall') {
        shut(gate);
        // A thread that died in a call, or is stuck in one, never leaves the gate.
        await Promise.race([quiet(gate), over.promise]);
        if (isBusy(gate) && stuck !== undefined) return;
      }
      await worker.terminate();
      await over.promise;
    },
  };
}

function errorOf(thread: string, thrown: Thrown): Error {
  if (thrown.ours !== null) {
    const error = revived(thrown.ours);
    error.stack = `${error.name}: ${error.message}\n${framesOf(thrown.ours.stack)}`;
    return error;
  }
  const { name, message, stack } = thrown;
  const failed = new ComputeError(thread, { kind: 'failed', errorName: name }, `${name}: ${librarySentence(message)}`);
  failed.stack = `${failed.name}: ${failed.message}\n${framesOf(stack)}`;
  return failed;
}
