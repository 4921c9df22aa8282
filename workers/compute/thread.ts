/**
 * The main thread's side of a compute thread. Tensors are computed there, so that heartbeats, `working()` and signals are
 * answered here (onnxruntime-node and tfjs both block the thread they run on, for seconds at worst).
 *
 * Invariants:
 *  thread/C1 Calls are served one at a time in the order made; each is answered exactly once.
 *  thread/C2 When the thread ends, for whatever reason, every pending and every later call is rejected with a
 *     ComputeError.
 *  thread/C3 A call that takes longer than the limit ends the thread, so no promise of this room stays unsettled. Where
 *     the thread cannot be ended (native code), it is abandoned, and the process still ends with its own exit code.
 */
import { Worker } from 'node:worker_threads';

import { DistilleryError, revived } from '@distillery/base';

import { framesOf, librarySentence } from '../base/index.js';
import { createGate, isBusy, quiet, shut, waitUntilQuiet } from './gate.js';
import { leaveProcess } from './leave-process.js';
import { type Call, packed, type Reply, type Thrown } from './messages.js';
import type { Handlers } from './serve.js';
import { startTimeLimit, type TimeLimit } from './time-limit.js';

type ComputeEnd =
  /** The thread ended by itself: an uncaught error, out of memory, process.exit. */
  | { readonly kind: 'died'; readonly exitCode: number | null }
  /** `close` was called. */
  | { readonly kind: 'closed' }
  /** A call took longer than the limit. */
  | { readonly kind: 'stuck'; readonly method: string; readonly limitSeconds: number }
  /** A handler threw an error of a library. */
  | { readonly kind: 'failed'; readonly errorName: string };

/** The thread, or one of its calls, failed. Another attempt may succeed: it is made, and charged. */
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
  /** The caller loses the whole arrays in `input`; see messages.ts. */
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

/** Longest time that the exit of a process waits for a call: longer than a batch takes on a slow machine. */
const exitWaitMs = 10_000;

interface Pending {
  readonly method: string;
  readonly resolve: (computed: Computed<never>) => void;
  readonly reject: (error: Error) => void;
}

/** Starts `module`, which calls serveCompute with handlers of type H. */
export function startCompute<H extends Handlers<H>>(module: URL, options: ComputeOptions): ComputeThread<H> {
  return new StartedThread<H>(module, options);
}

class StartedThread<H extends Handlers<H>> implements ComputeThread<H> {
  readonly ended: Promise<ComputeError>;
  readonly #options: ComputeOptions;
  readonly #gate = createGate();
  readonly #worker: Worker;
  /** By id, in the order of the calls. */
  readonly #pending = new Map<number, Pending>();
  readonly #limit: TimeLimit;
  readonly #end: (error: ComputeError) => void;
  #nextId = 0;
  #uncaught: Error | undefined;
  #closing = false;
  #endedWith: ComputeError | undefined;
  /** Why the thread is given up while it still runs (thread/C3). */
  #stuck: ComputeError | undefined;

  constructor(module: URL, options: ComputeOptions) {
    this.#options = options;
    const { name, ending, limitSeconds } = options;
    const over = Promise.withResolvers<ComputeError>();
    this.ended = over.promise;
    this.#end = (error) => {
      this.#endedWith ??= error;
      this.#limit.stop();
      for (const { reject } of this.#pending.values()) reject(this.#endedWith);
      this.#pending.clear();
      over.resolve(this.#endedWith);
    };
    this.#limit = startTimeLimit(limitSeconds * 1_000, () => this.#giveUp());
    if (ending === 'afterCall') process.once('exit', this.#holdUpExit);
    this.#worker = new Worker(module, { name, workerData: { gate: this.#gate } });
    this.#worker.on('message', (reply: Reply) => this.#answer(reply));
    // 'exit' always follows, and settles what is pending.
    this.#worker.on('error', (error: Error) => (this.#uncaught = error));
    this.#worker.once('exit', (exitCode) => this.#exited(exitCode));
  }

  call<M extends keyof H & string>(
    method: M,
    input: Parameters<H[M]>[0],
  ): Promise<Computed<Awaited<ReturnType<H[M]>>>> {
    return new Promise((resolve, reject: (error: Error) => void) => {
      const gone = this.#endedWith ?? this.#stuck;
      if (gone !== undefined || this.#closing) {
        reject(gone ?? new ComputeError(this.#options.name, { kind: 'closed' }, 'is being closed'));
        return;
      }
      const { content, buffers } = packed(input);
      const call: Call = { id: this.#nextId++, method, input: content };
      this.#worker.postMessage(call, buffers);
      if (this.#pending.size === 0) this.#limit.restart();
      this.#pending.set(call.id, { method, resolve, reject });
    });
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#options.ending === 'afterCall') {
      shut(this.#gate);
      // A thread that died in a call, or is stuck in one, never leaves the gate.
      await Promise.race([quiet(this.#gate), this.ended]);
      if (isBusy(this.#gate) && this.#stuck !== undefined) return;
    }
    await this.#worker.terminate();
    await this.ended;
  }

  #answer(reply: Reply): void {
    const call = this.#pending.get(reply.id);
    this.#pending.delete(reply.id);
    // Calls are served in order: the next one begins now (thread/C1).
    if (this.#pending.size === 0) this.#limit.stop();
    else this.#limit.restart();
    if (call === undefined) return;
    if (!reply.ok) call.reject(errorOf(this.#options.name, reply.thrown));
    else call.resolve({ value: reply.value as never, busyMs: reply.busyMs, idleMs: reply.idleMs });
  }

  #exited(exitCode: number): void {
    process.removeListener('exit', this.#holdUpExit);
    const { name } = this.#options;
    const cause = this.#uncaught;
    const reason = cause === undefined ? '' : `: ${librarySentence(cause)}`;
    if (this.#stuck !== undefined) this.#end(this.#stuck);
    else if (this.#closing) this.#end(new ComputeError(name, { kind: 'closed' }, 'was closed'));
    else {
      const sentence = `ended with code ${exitCode}${reason}`;
      this.#end(new ComputeError(name, { kind: 'died', exitCode }, sentence, { cause }));
    }
  }

  #giveUp(): void {
    const { name, ending, limitSeconds } = this.#options;
    const method = this.#pending.values().next().value?.method ?? '';
    const sentence = `a call did not end within ${limitSeconds} s (${method})`;
    this.#stuck = new ComputeError(name, { kind: 'stuck', method, limitSeconds }, sentence);
    if (ending === 'interrupt') {
      void this.#worker.terminate();
      return;
    }
    // Native code cannot be stopped: the thread stays until the process ends.
    shut(this.#gate);
    this.#worker.unref();
    this.#end(this.#stuck);
  }

  readonly #holdUpExit = (exitCode: number): void => {
    shut(this.#gate);
    if (this.#stuck === undefined) waitUntilQuiet(this.#gate, exitWaitMs);
    if (isBusy(this.#gate)) leaveProcess(exitCode);
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
