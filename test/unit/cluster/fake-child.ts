/** Children that live until a test ends them; they note what they were asked. */
import type { Child, ChildEnd } from '../../../src/cluster/local/child.js';
import { settled } from '../../kit/clock.js';

export class FakeChild implements Child {
  readonly pid: number;
  readonly end: Promise<ChildEnd>;
  readonly asked: number[] = [];
  #finish: (end: ChildEnd) => void;

  constructor(
    readonly name: string,
    pid: number,
  ) {
    const { promise, resolve } = Promise.withResolvers<ChildEnd>();
    this.pid = pid;
    this.end = promise;
    this.#finish = resolve;
  }

  stop(graceMs: number): void {
    this.asked.push(graceMs);
  }

  async exits(exitCode: number, message = `exited with code ${String(exitCode)}`): Promise<void> {
    this.#finish({ ended: { exitCode, message }, signal: null });
    await settled();
  }

  async killed(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    this.#finish({ ended: { exitCode: null, message: `ended by ${signal}` }, signal });
    await settled();
  }
}

/** Starts fake children; `broken` makes the next starts throw. */
export class Nursery {
  readonly children: FakeChild[] = [];
  broken: string | null = null;
  attempts = 0;

  readonly start = (name: string): Child => {
    this.attempts += 1;
    if (this.broken !== null) throw new Error(this.broken);
    const child = new FakeChild(name, 1_000 + this.children.length);
    this.children.push(child);
    return child;
  };

  get names(): string[] {
    return this.children.map(({ name }) => name);
  }

  child(name: string): FakeChild {
    const found = this.children.find((child) => child.name === name);
    if (found === undefined) throw new Error(`${name} was not started, only ${this.names.join(', ')}`);
    return found;
  }

  get last(): FakeChild {
    return this.children.at(-1)!;
  }
}
