/**
 * Blocks of remote files in a bounded memory, filled by a thread. Most tables read synchronously (workers/tables/bytes.ts), so
 * a reader waits for a block as it would wait for a slow disk. Tables of many small files fetch several blocks at a time
 * instead, and other work goes on meanwhile.
 *
 * Invariants:
 *  block-reader/L1 A slot is never given to another block while the thread may write into it.
 *  block-reader/L2 No wait is without end: the thread has time limits. A reader that waits synchronously has one for the
 *     thread, since it hears nothing; the others hear when the thread ends.
 */
import { type CrossingError, revived, Turns } from '@distillery/base';

import { BlockSlots } from './block-slots.js';
import { RemoteError } from './errors.js';
import { type BlockAnswer, type BlockOrder, type RangedFile, type SharedMemory, states } from './range-wire.js';

const threadLimitMs = 180_000;
/** Requests at a time: a round trip costs more than a small file. */
const blocksAtOnce = 16;

/** What this needs of the thread. */
export interface BlockThread {
  postMessage(order: BlockOrder): void;
  /** While a block is awaited, the process must not end. */
  ref(): void;
  unref(): void;
}

/** Bytes of one block, and where they go. */
interface Piece {
  readonly key: string;
  readonly file: number;
  readonly block: number;
  /** First byte in the block. */
  readonly within: number;
  readonly into: Uint8Array;
}

/** A block that the thread was asked for. */
interface Ordered {
  readonly order: BlockOrder;
  readonly arrived: Promise<unknown>;
  /** Lets those go on who wait for `arrived`. */
  readonly wake: () => void;
  /** null = it is not known yet. */
  outcome: 'here' | Error | null;
}

export class BlockReader {
  readonly #files: readonly RangedFile[];
  readonly #blockBytes: number;
  readonly #memory: SharedMemory;
  readonly #states: Int32Array<SharedArrayBuffer>;
  readonly #blocks: Uint8Array<SharedArrayBuffer>;
  readonly #thread: BlockThread;
  readonly #slots: BlockSlots;
  readonly #turns: Turns;
  /** By block. */
  readonly #ordered = new Map<string, Ordered>();
  #orders = 0;
  /** The thread does not answer any more. */
  #ended = false;

  constructor(files: readonly RangedFile[], memory: SharedMemory, thread: BlockThread) {
    this.#files = files;
    this.#memory = memory;
    this.#blockBytes = memory.blockBytes;
    this.#states = new Int32Array(memory.states);
    this.#blocks = new Uint8Array(memory.blocks);
    this.#thread = thread;
    const slots = this.#states.length;
    this.#slots = new BlockSlots(slots);
    // One stays for a reader that waits synchronously.
    this.#turns = new Turns(Math.min(blocksAtOnce, slots - 1));
  }

  /** Fills `target` with the bytes of a file from `position` on. Waits for them. @throws RemoteError */
  read(file: number, target: Uint8Array, position: number): void {
    for (const piece of this.#piecesOf(file, target, position)) this.#copy(this.#slotOf(piece), piece);
  }

  /** As `read`, and other work goes on meanwhile. @throws RemoteError */
  async fetch(file: number, target: Uint8Array, position: number): Promise<void> {
    for (const piece of this.#piecesOf(file, target, position)) this.#copy(await this.#arrivalOf(piece), piece);
  }

  /** The thread has set the state of an order's slot. */
  answered({ key, id }: BlockAnswer): void {
    const ordered = this.#ordered.get(key);
    // The block may have been read synchronously, and ordered once more.
    if (ordered?.order.id === id) ordered.wake();
  }

  /** The thread has ended. */
  end(): void {
    this.#ended = true;
    for (const { wake } of this.#ordered.values()) wake();
  }

  *#piecesOf(file: number, target: Uint8Array, position: number): Generator<Piece> {
    const size = this.#blockBytes;
    for (let done = 0; done < target.length;) {
      const block = Math.floor((position + done) / size);
      const within = position + done - block * size;
      const into = target.subarray(done, done + Math.min(size - within, target.length - done));
      yield { key: `${String(file)}:${String(block)}`, file, block, within, into };
      done += into.length;
    }
  }

  #copy(slot: number, { within, into }: Piece): void {
    const start = slot * this.#blockBytes + within;
    into.set(this.#blocks.subarray(start, start + into.length));
  }

  /** The slot of a block. @throws RemoteError */
  #slotOf(piece: Piece): number {
    const known = this.#slots.find(piece.key);
    if (known !== undefined) return known;
    const ordered = this.#ordered.get(piece.key) ?? this.#ordering(piece);
    Atomics.wait(this.#states, ordered.order.slot, states.asked, threadLimitMs);
    this.#settle(ordered);
    return ordered.order.slot;
  }

  /** The slot of a block; it is that of the block only until the next await. @throws RemoteError */
  async #arrivalOf(piece: Piece): Promise<number> {
    for (;;) {
      const known = this.#slots.find(piece.key);
      if (known !== undefined) return known;
      const ordered = this.#ordered.get(piece.key);
      if (ordered === undefined) await this.#turns.run(() => this.#orderedInTurn(piece));
      else await this.#arrived(ordered);
    }
  }

  /** Orders a block, unless another reader did while this one waited for its turn. */
  async #orderedInTurn(piece: Piece): Promise<void> {
    if (this.#slots.find(piece.key) === undefined && !this.#ordered.has(piece.key)) {
      await this.#arrived(this.#ordering(piece));
    }
  }

  async #arrived(ordered: Ordered): Promise<void> {
    this.#thread.ref();
    await ordered.arrived;
    this.#settle(ordered);
    if (this.#ordered.size === 0) this.#thread.unref();
  }

  #ordering({ key, file, block }: Piece): Ordered {
    const facts = this.#files[file];
    if (facts === undefined) throw new RangeError(`file ${String(file)}`);
    if (this.#ended) throw unanswered(facts);
    const slot = this.#slots.take();
    const position = block * this.#blockBytes;
    const length = Math.min(this.#blockBytes, facts.version.length - position);
    const order = { id: this.#orders++, key, file, position, length, slot };
    const { promise: arrived, resolve } = Promise.withResolvers<undefined>();
    const wake = (): void => {
      resolve(undefined);
    };
    const ordered: Ordered = { order, arrived, wake, outcome: null };
    this.#ordered.set(key, ordered);
    Atomics.store(this.#states, slot, states.asked);
    this.#thread.postMessage(order);
    return ordered;
  }

  /** Keeps a block that is here, once, however many wait for it. @throws each time, RemoteError */
  #settle(ordered: Ordered): void {
    ordered.outcome ??= this.#outcomeOf(ordered);
    if (ordered.outcome !== 'here') throw ordered.outcome;
  }

  #outcomeOf({ order: { key, file, slot }, wake }: Ordered): 'here' | Error {
    const state = Atomics.load(this.#states, slot);
    if (state === states.asked) {
      // A late answer would be written into the slot, so it is lost (block-reader/L1), and the thread is not trusted again.
      this.end();
      return unanswered(this.#files[file]);
    }
    this.#ordered.delete(key);
    wake();
    if (state === states.here) {
      this.#slots.keep(key, slot);
      return 'here';
    }
    const failure = this.#failureIn(slot);
    this.#slots.giveBack(slot);
    return failure;
  }

  /** What the thread wrote in the place of a block. */
  #failureIn(slot: number): Error {
    const start = slot * this.#blockBytes;
    const length = new DataView(this.#memory.blocks).getUint32(start, true);
    // A decoder takes no shared memory.
    const text = new TextDecoder().decode(this.#blocks.slice(start + 4, start + 4 + length));
    return revived(JSON.parse(text) as CrossingError);
  }
}

function unanswered(file: RangedFile | undefined): RemoteError {
  const problem = 'a part of it did not arrive';
  return new RemoteError('stalled', { about: file?.about ?? '', problem, remedy: 'try again later' });
}
