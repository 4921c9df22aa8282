/**
 * An object store's stream in memory, with the server's rules that the writers rely on: a write names the message that it
 * follows, roll-up removes older messages of the subject, a purge is bounded by a sequence. Also a simulated network for
 * several processes that use it at once: chance decides which request or reply arrives next, replies get lost, and repeats
 * of old writes arrive late.
 */
import type { Random } from '@distillery/base';
import type { StoredPiece } from '@distillery/protocol';

import type { ObjectPort, Written } from '../../workers/stream/index.js';

interface Stored extends StoredPiece {
  readonly subject: string;
}

export class ObjectServer {
  #messages: readonly Stored[] = [];
  #lastSequence = 0;
  /** Capacity in bytes; writes beyond it are refused. */
  maxBytes = Infinity;
  /** Called after every change. */
  changed: () => void = () => undefined;

  write(subject: string, data: Uint8Array, after: number, rollUp: boolean): Written {
    if ((this.last(subject)?.seq ?? 0) !== after) return { kind: 'moved' };
    const bytes = this.#messages.reduce((sum, message) => sum + message.data.length, 0);
    if (bytes + data.length > this.maxBytes)
      return { kind: 'full', fault: { problem: 'maximum bytes exceeded', remedy: '' } };
    const sequence = ++this.#lastSequence;
    const others = rollUp ? this.#messages.filter((message) => message.subject !== subject) : this.#messages;
    this.#messages = [...others, { subject, seq: sequence, data: data.slice() }];
    this.changed();
    return { kind: 'stored', sequence };
  }

  last(subject: string): StoredPiece | null {
    return this.#messages.findLast((message) => message.subject === subject) ?? null;
  }

  next(filter: string, fromSequence: number): StoredPiece | null {
    return this.#messages.find(({ subject, seq }) => seq >= fromSequence && matches(filter, subject)) ?? null;
  }

  purge(filter: string, throughSequence = Infinity): void {
    this.#messages = this.#messages.filter(({ subject, seq }) => seq > throughSequence || !matches(filter, subject));
    this.changed();
  }

  subjects(filter: string): string[] {
    return [...new Set(this.#messages.map(({ subject }) => subject).filter((subject) => matches(filter, subject)))];
  }

  /** All messages, for assertions. */
  port(): ObjectPort {
    return {
      write: (subject, data, after) => Promise.resolve(this.write(subject, data, after, false)),
      replace: (subject, data, after) => Promise.resolve(this.write(subject, data, after, true)),
      last: (subject) => Promise.resolve(this.last(subject)),
      next: (subject, from) => Promise.resolve(this.next(subject, from)),
      purge: (subject, through) => {
        this.purge(subject, through);
        return Promise.resolve(true);
      },
      look: (filter) =>
        Promise.resolve({
          subjects: this.subjects(filter),
          maxBytes: Number.isFinite(this.maxBytes) ? this.maxBytes : null,
        }),
      sleep: () => Promise.resolve(),
    };
  }
}

function matches(filter: string, subject: string): boolean {
  const [wanted, found] = [filter.split('.'), subject.split('.')];
  for (const [at, token] of wanted.entries()) {
    if (token === '>') return found.length > at;
    if (token !== '*' && token !== found[at]) return false;
  }
  return wanted.length === found.length;
}

const stopOneIn = 6;
const longestStop = 200;
/** A repeat on an old connection fails by itself. */
const lateOwner = 1_000;

interface Underway {
  readonly owner: number;
  readonly arrive: () => void;
}

/**
 * Messages in flight; they arrive one at a time, in random order. Chance also pauses a process, as SIGSTOP, a slow disk or
 * a network does: the others continue for many messages before it resumes.
 */
export class Travel {
  readonly #random: Random;
  readonly #underway: Underway[] = [];
  readonly #stoppedUntil = new Map<number, number>();
  arrivals = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Resolves when the message arrives. @param owner the process that waits for it */
  message(owner: number): Promise<void> {
    return new Promise((arrive) => this.#underway.push({ owner, arrive }));
  }

  /** Lets messages arrive until none is in flight. */
  async run(): Promise<void> {
    for (;;) {
      // Let all consequences of an arrival happen before the next one.
      await new Promise((resolve) => setImmediate(resolve));
      this.arrivals += 1;
      const next = this.#next();
      if (next === undefined) return;
      this.#underway.splice(this.#underway.indexOf(next), 1);
      if (this.#random.below(stopOneIn) === 0) {
        this.#stoppedUntil.set(next.owner, this.arrivals + this.#random.below(longestStop));
      }
      next.arrive();
    }
  }

  #next(): Underway | undefined {
    const going = this.#underway.filter(({ owner }) => (this.#stoppedUntil.get(owner) ?? 0) <= this.arrivals);
    const choice = going.length > 0 ? going : this.#underway;
    return choice[this.#random.below(Math.max(1, choice.length))];
  }

  /** The server as one process sees it. @param alive false once the process is killed: it receives nothing more */
  port(server: ObjectServer, owner: number, alive: () => boolean): ObjectPort {
    const direct = server.port();
    const ask = async <T>(call: () => Promise<T>): Promise<T> => {
      await this.message(owner);
      if (!alive()) return new Promise<never>(() => undefined);
      const answer = await call();
      await this.message(owner);
      return alive() ? answer : new Promise<never>(() => undefined);
    };
    const write = async (call: () => Promise<Written>): Promise<Written> => {
      const answer = await ask(call);
      // Its reply is late and the client repeats it, or a repeat of it waits on an old connection.
      if (this.#random.below(4) === 0) void this.message(lateOwner + owner).then(call);
      return this.#random.below(4) === 0 ? ask(call) : answer;
    };
    return {
      write: (...args) => write(() => direct.write(...args)),
      replace: (...args) => write(() => direct.replace(...args)),
      last: (subject) => ask(() => direct.last(subject)),
      next: (...args) => ask(() => direct.next(...args)),
      purge: (...args) => ask(() => direct.purge(...args)),
      look: (filter) => ask(() => direct.look(filter)),
      sleep: () => this.message(owner),
    };
  }
}
