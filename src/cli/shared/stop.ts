/**
 * Stops the command for a person, a terminal or a lost output. It imports no library: main.ts listens for signals before it
 * loads the command, which takes a second on a busy machine.
 *
 * Invariants:
 *  stop/S1 From `listen` on, no signal ends the process without a sentence and its documented exit code.
 *  stop/S2 Before `begin` nothing was done, and a signal ends the process at once; after it, `signal` aborts.
 */
import { exitCodes } from './exit.js';

export type StopEnding = 'interrupted' | 'terminated' | 'outputClosed' | 'storage';

/** A request to stop, as a command sees it. */
export interface StopRequest {
  /** Aborts when the person, the terminal or the output's reader wants the command to end. */
  readonly signal: AbortSignal;
  /** How the process ends after `signal` aborted. */
  readonly ending: StopEnding;
}

/** Runs a command that only reads: once a stop is requested, its errors are consequences of the stop. */
export async function unlessStopped(stop: StopRequest, work: () => Promise<void>): Promise<'ok' | StopEnding> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    if (!stop.signal.aborted) throw error;
    return stop.ending;
  }
}

/** The parts of `process` that are used. */
export interface StoppableProcess {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
  readonly stderr: { write(text: string): unknown };
}

/** One Ctrl-C may come twice at once: from the terminal to every process, and passed on by npm or `timeout`. */
const sameRequestMs = 200;

const signals = { SIGINT: 'interrupted', SIGTERM: 'terminated', SIGHUP: 'terminated' } as const;

export class Stop implements StopRequest {
  readonly #process: StoppableProcess;
  readonly #now: () => number;
  readonly #controller = new AbortController();
  #ending: StopEnding = 'interrupted';
  #stoppedAtMs = 0;
  #begun = false;

  private constructor(process: StoppableProcess, now: () => number) {
    this.#process = process;
    this.#now = now;
  }

  /** Listens for Ctrl-C, SIGTERM and the end of the terminal. */
  static listen(process: StoppableProcess, now: () => number): Stop {
    const stop = new Stop(process, now);
    for (const [signal, ending] of Object.entries(signals)) {
      process.on(signal as keyof typeof signals, () => stop.because(ending));
    }
    return stop;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** How the process ends after `signal` aborted. */
  get ending(): StopEnding {
    return this.#ending;
  }

  /** Declares that there may be something to stop from now on. */
  begin(): void {
    this.#begun = true;
  }

  /** Requests the stop. A second request ends the process at once. */
  because(ending: StopEnding): void {
    if (!this.#begun) {
      this.#process.stderr.write('distill: stopped before it began. Nothing was changed.\n');
      this.#process.exit(exitCodes[ending]);
      return;
    }
    if (this.signal.aborted) {
      if (this.#now() - this.#stoppedAtMs < sameRequestMs) return;
      // A second request: the person does not want to wait. Workers and server notice that their owner is gone.
      this.#process.exit(exitCodes[ending]);
      return;
    }
    this.#stoppedAtMs = this.#now();
    this.#ending = ending;
    this.#controller.abort();
  }
}
