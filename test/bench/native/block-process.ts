/** A process that trains in blocks (blocks.ts, blocks.py), seen from the benchmark that starts it. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What a block of steps cost the process that trained it. */
export interface Block {
  readonly wallSeconds: number;
  /** Of all threads. */
  readonly cpuSeconds: number;
  /** After the block. */
  readonly rssBytes: number;
  /** The largest since the start of the process. */
  readonly peakRssBytes: number;
  /** That TensorFlow holds for us. */
  readonly tensors?: number;
  /** Loss of the last step; of a state its bytes; of a digest its first bytes as a number. */
  readonly result: number;
}

export interface Opened {
  readonly parameters: number;
  readonly notes: readonly string[];
  readonly description: string;
}

export class BlockProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #stderr = '';

  /** @throws Error when the process cannot be started */
  constructor(command: string, args: readonly string[], environment: NodeJS.ProcessEnv) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...environment } });
    const { stdout, stderr } = this.#child;
    if (stdout === null || stderr === null) throw new Error('block process: no pipes');
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]();
    stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr = `${this.#stderr}${text}`.slice(-4_000);
    });
  }

  /** The first line. @throws Error with what the process wrote to standard error */
  async opened(): Promise<Opened> {
    return (await this.#next()) as Opened;
  }

  /** Trains `steps` steps. */
  async train(steps: number): Promise<Block> {
    return this.#ask(`steps ${String(steps)}`);
  }

  /** Reads the whole state off the device. */
  async state(): Promise<Block> {
    return this.#ask('state');
  }

  /** The digest of the weights. */
  async digest(): Promise<number> {
    return (await this.#ask('digest')).result;
  }

  /** @returns exit code, null after a signal */
  async close(): Promise<number | null> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const ended = once(this.#child, 'exit');
    this.#child.stdin?.end();
    const [code] = (await ended) as [number | null];
    return code;
  }

  async #ask(line: string): Promise<Block> {
    this.#child.stdin?.write(`${line}\n`);
    return (await this.#next()) as Block;
  }

  async #next(): Promise<unknown> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error(`block process: it ended. ${this.#stderr}`);
    return JSON.parse(line.value);
  }
}
