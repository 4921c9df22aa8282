/**
 * Standard output and what becomes of it. When it cannot be written, the command is stopped as cleanly as by Ctrl-C, and
 * nothing more is written.
 *
 * Invariant: a command whose output was lost does not end with 0.
 */
import { printableLines } from '@distillery/base';

import { exitCodes } from './exit.js';
import type { Stop } from './stop.js';

/** The parts of an output stream that are used; process.stdout has them all. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}

/** The parts of `process` that are used. */
export interface OutputProcess {
  readonly stdout: {
    readonly isTTY?: boolean;
    readonly columns?: number;
    write(text: string): boolean;
    on(event: 'error', listener: (error: NodeJS.ErrnoException) => void): unknown;
  };
  readonly stderr: {
    write(text: string): unknown;
    on(event: 'error', listener: () => void): unknown;
  };
  exitCode?: number | string | null | undefined;
}

export class StandardOutput implements Terminal {
  readonly #process: OutputProcess;
  readonly #stop: Stop;
  /** `lost`: it cannot be written, as a file on a full disk. `closed`: its reader ended (`distill run … | head -1`). */
  #state: 'open' | 'closed' | 'lost' = 'open';
  readonly isTTY: boolean;

  constructor(process: OutputProcess, stop: Stop, dumbTerminal: boolean) {
    this.#process = process;
    this.#stop = stop;
    this.isTTY = process.stdout.isTTY === true && !dumbTerminal;
    process.stdout.on('error', (error) => this.#failed(error));
    process.stderr.on('error', () => undefined);
  }

  get columns(): number {
    return this.#process.stdout.columns ?? 0;
  }

  write(text: string): boolean {
    return this.#state === 'open' && this.#process.stdout.write(text);
  }

  /** Writes lines without the characters that a terminal acts on. */
  say(lines: string): void {
    this.write(`${printableLines(lines)}\n`);
  }

  /** @returns the exit code of a command that ended with `code` */
  exitCodeAfter(code: number): number {
    return code === exitCodes.ok && this.#state === 'lost' ? exitCodes.storage : code;
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#state !== 'open') return;
    if (error.code === 'EPIPE') {
      this.#state = 'closed';
      this.#stop.because('outputClosed');
      return;
    }
    this.#state = 'lost';
    this.#process.stderr.write(
      `standard output: it cannot be written (${error.message}). Free some space or send it elsewhere; ` +
        'resume a run that this stopped with --resume FOLDER.\n',
    );
    this.#stop.because('storage');
    // The command may have ended before its last write failed.
    if (this.#process.exitCode === exitCodes.ok) this.#process.exitCode = exitCodes.storage;
  }
}
