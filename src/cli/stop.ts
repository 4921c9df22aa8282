/**
 * How a person, a terminal or a lost output stops the command. It imports no library: main.ts listens for signals with it
 * before it loads the command, which takes a second on a busy machine.
 *
 * Invariants:
 *  stop/S1 From `listen` on, no signal ends the process without a sentence and its documented exit code.
 *  stop/S2 Before `begin` nothing was done, and a signal ends the process at once; after it, `signal` aborts.
 */
import { exitCodes } from './exit.js';

export type StopEnding = 'interrupted' | 'terminated' | 'outputClosed' | 'storage';

/** The parts of `process` that are used. */
export interface StoppableProcess {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): void;
  readonly stderr: { write(text: string): unknown };
}

/** One Ctrl-C may come twice at once: from the terminal to every process, and passed on by npm or `timeout`. */
const sameRequestMs = 200;

const signals = { SIGINT: 'interrupted', SIGTERM: 'terminated', SIGHUP: 'terminated' } as const;

export class Stop {
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

  /** From now on there may be something to stop. */
  begin(): void {
    this.#begun = true;
  }

  because(ending: StopEnding): void {
    if (!this.#begun) {
      this.#process.stderr.write('distill: stopped before it began. Nothing was changed.\n');
      this.#process.exit(exitCodes[ending]);
      return;
    }
    if (this.signal.aborted) {
      if (this.#now() - this.#stoppedAtMs < sameRequestMs) return;
      // Asked twice: the person does not want to wait. Workers and server notice that their owner is gone.
      this.#process.exit(exitCodes[ending]);
      return;
    }
    this.#stoppedAtMs = this.#now();
    this.#ending = ending;
    this.#controller.abort();
  }
}
