/**
 * Replacements of NATS, files and time for tests of student and teacher: a clock that moves only when nothing else can
 * happen, small data sets whose samples hold their indices, and honest in-memory streams.
 */
import type { Clock } from '@distillery/base';
import {
  type DamagedFrame,
  type DeadItem,
  encodeFrame,
  type Manifest,
  manifestSchema,
  type Schedule,
  schedule as scheduleOf,
  type WorkItem,
} from '@distillery/protocol';

import type { Dataset } from '../../workers/data/index.js';
import { imageInputs, imageSamples, type Split } from '../../workers/samples/index.js';
import type { Log } from '../../workers/base/log.js';
import type { Probe, StoredFrame } from '../../workers/stream/index.js';
import type { LogitsStream } from '../../workers/student/live-supply.js';

/** Lets everything that needs no time happen. */
export function idle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** Time that passes in jumps, to the next sleeper, once nothing else is left to do. */
export class FakeClock implements Clock {
  #nowMs = 1_000_000;
  #driver: symbol | null = null;
  readonly #sleepers = new Set<{ readonly atMs: number; readonly wake: () => void }>();

  now(): number {
    return this.#nowMs;
  }

  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const sleeper = { atMs: this.#nowMs + Math.max(0, ms), wake: () => resolve(undefined) };
    this.#sleepers.add(sleeper);
    signal?.addEventListener('abort', sleeper.wake, { once: true });
    await promise;
    signal?.removeEventListener('abort', sleeper.wake);
    this.#sleepers.delete(sleeper);
  }

  /** Lets `ms` pass; all shorter sleeps end in between. */
  async pass(ms: number): Promise<void> {
    await this.run(this.sleep(ms));
  }

  /** Lets time pass until `work` is settled. @throws Error when it takes longer than the limit, or never ends */
  async run<T>(work: Promise<T>, limitMs = 3_600_000): Promise<T> {
    const endMs = this.#nowMs + limitMs;
    const settled = new AbortController();
    const mark = (): void => settled.abort();
    work.then(mark, mark);
    const me = Symbol();
    try {
      for (;;) {
        await idle();
        if (settled.signal.aborted) return await work;
        // Only one of several callers moves the time: two would leave no chance for other work in between.
        this.#driver ??= me;
        if (this.#driver === me) this.#jump(endMs);
      }
    } finally {
      if (this.#driver === me) this.#driver = null;
    }
  }

  #jump(endMs: number): void {
    const nextMs = Math.min(...[...this.#sleepers].map(({ atMs }) => atMs));
    if (nextMs === Infinity) throw new Error('stuck: the work is not over, and nothing sleeps');
    if (nextMs > endMs) throw new Error(`not over by ${String(endMs)} of its own time`);
    this.#nowMs = Math.max(this.#nowMs, nextMs);
    for (const sleeper of [...this.#sleepers]) if (sleeper.atMs <= this.#nowMs) sleeper.wake();
  }
}

/** Keeps what was said. */
export class FakeLog implements Log {
  readonly warnings: string[] = [];
  readonly errors: string[] = [];
  info(): void {
    return undefined;
  }
  warn(...said: readonly [string] | readonly [object, string]): void {
    this.warnings.push(said.length === 1 ? said[0] : said[1]);
  }
  error(...said: readonly [string] | readonly [object, string]): void {
    this.errors.push(said.length === 1 ? said[0] : said[1]);
  }
}

export interface ManifestChanges {
  readonly batchSize?: number;
  readonly epochs?: number;
  readonly everySteps?: number;
  readonly keep?: number;
  readonly everyEpochs?: number;
  readonly teacherSamples?: number;
  readonly softWeight?: number;
  readonly maxBytes?: number;
  readonly noise?: number;
}

export function manifestWith(changes: ManifestChanges = {}): Manifest {
  const {
    batchSize = 4,
    epochs = 2,
    everySteps = 3,
    keep = 2,
    everyEpochs = 1,
    softWeight = 0.9,
    teacherSamples = 0,
  } = changes;
  return manifestSchema.parse({
    version: 1,
    job: { uid: 'job-a', namespace: 'default', name: 'a' },
    dataset: { format: 'idx', uri: 'file:///data', delivery: 'Reference' },
    training: { batchSize, epochs, seed: 7, order: 'Strict', augment: { shift: 0, noise: changes.noise ?? 0 } },
    teacher: {
      model: { format: 'onnx', uri: 'file:///teacher.onnx', timeoutSeconds: 300 },
      input: {},
      bufferTargetSeconds: 5,
      tolerance: 0.01,
      onFailure: 'Fail',
    },
    logits: { encoding: 'Float32', topK: 0, maxBytes: changes.maxBytes ?? 2 ** 31 },
    student: {
      model: { format: 'tfjs-layers', uri: 'file:///student.json', timeoutSeconds: 300 },
      loss: { temperature: 4, softWeight },
      optimizer: {
        name: 'adam',
        learningRate: 0.001,
        momentum: 0.9,
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
        weightDecay: 0,
        schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 1 },
      },
      checkpoint: { everySteps, keep, store: 'nats' },
      evaluation: { everyEpochs, teacherSamples },
      output: { store: 'nats' },
    },
  });
}

const fakeShape = [1, 2, 1];

/** Two pixels per sample that hold its index; its class is the index modulo 3. */
export function fakeSplit(
  length: number,
  read: (indices: ArrayLike<number>) => Promise<void> = () => Promise.resolve(),
): Split {
  return {
    length,
    spec: { inputs: imageInputs(fakeShape), positions: 1, target: { kind: 'class', classes: 3, names: null } },
    read: async (indices) => {
      await read(indices);
      const pixels = Float32Array.from(
        { length: 2 * indices.length },
        (_, at) => (indices[at >> 1]! + (at % 2)) / 1_024,
      );
      return imageSamples(fakeShape, pixels);
    },
    targets: (indices) =>
      Promise.resolve({
        kind: 'class',
        perSample: 1,
        labels: Int32Array.from({ length: indices.length }, (_, at) => indices[at]! % 3),
      }),
    close: () => Promise.resolve(),
  };
}

function unlabeled(split: Split): Split {
  return { ...split, spec: { ...split.spec, target: null }, targets: () => Promise.resolve(null) };
}

export function fakeDataset(train: number, test = 10, labeled = true): Dataset {
  const split = (length: number): Split => (labeled ? fakeSplit(length) : unlabeled(fakeSplit(length)));
  return {
    train: split(train),
    test: split(test),
    identity: () => Promise.resolve(null),
    notes: [],
    close: () => Promise.resolve(),
  };
}

export function scheduleFor({ training }: Manifest, samples: number): Schedule {
  return scheduleOf({ ...training, samples, positions: 1 });
}

export const fakeColumns = 3;
export const fakeWidth = { uri: 'file:///student.json', target: null };
export const fakeDigest = '00000000000000aa';

/** Returns what the fake teacher answers for samples; exact in float32. */
export function answersFor(indices: ArrayLike<number>): Float32Array {
  return Float32Array.from(
    { length: indices.length * fakeColumns },
    (_, at) => indices[Math.floor(at / fakeColumns)]! + (at % fakeColumns) / 16,
  );
}

export function answerFrame(
  item: Omit<WorkItem, 'version'>,
  changes: { digest?: string; columns?: number } = {},
): Uint8Array {
  const columns = changes.columns ?? fakeColumns;
  return encodeFrame({
    step: item.step,
    shard: item.shard,
    augmentSeed: item.augmentSeed,
    teacherDigest: changes.digest ?? fakeDigest,
    encoding: 'Float32',
    topK: 0,
    temperature: 0,
    rows: item.indices.length,
    columns,
    logits: columns === fakeColumns ? answersFor(item.indices) : new Float32Array(item.indices.length * columns),
  });
}

/** A teacher's answer to one item: how long it takes, and what goes wrong with it. */
export interface Answer {
  readonly afterMs: number;
  readonly fault?: 'none' | 'lostItem' | 'undelivered' | 'damaged' | 'deliveredTwice' | 'deadLetter';
}

/**
 * WORK, LOGITS and DEAD of one job, as a server keeps them: one message per subject, growing sequences, each frame delivered
 * once to each reader. `answer` decides how items are answered.
 */
export class FakeStreams implements LogitsStream {
  readonly work = new Map<string, Omit<WorkItem, 'version'>>();
  readonly logits = new Map<string, StoredFrame>();
  readonly dead = new Map<string, DeadItem>();
  readonly fed: { readonly step: number; readonly shard: number }[] = [];
  /** While set, no call is answered. */
  away: Promise<void> | null = null;
  onFeed: (item: Omit<WorkItem, 'version'>) => void = () => undefined;
  #sequence = 0;
  #generation = 0;
  readonly #clock: Clock;
  readonly #answer: (item: Omit<WorkItem, 'version'>) => Answer | null;
  readonly #readers = new Set<(frame: StoredFrame) => void>();
  readonly #reconnected = new Set<() => void>();

  /** @param answer null: no teacher is there */
  constructor(clock: Clock, answer: (item: Omit<WorkItem, 'version'>) => Answer | null = () => ({ afterMs: 10 })) {
    this.#clock = clock;
    this.#answer = answer;
  }

  async feed(item: Omit<WorkItem, 'version'>): Promise<'fed' | 'alreadyThere'> {
    await this.away;
    this.onFeed(item);
    this.fed.push({ step: item.step, shard: item.shard });
    const key = keyOf(item);
    if (this.work.has(key)) return 'alreadyThere';
    this.work.set(key, item);
    void this.#work(item, this.#generation);
    return 'fed';
  }

  async probe(shard: number, step: number): Promise<Probe> {
    await this.away;
    const key = keyOf({ shard, step });
    const frame = this.logits.get(key);
    if (frame !== undefined) return { kind: 'frame', frame };
    const item = this.dead.get(key);
    return item === undefined ? { kind: 'absent' } : { kind: 'dead', item };
  }

  async *frames(signal: AbortSignal): AsyncGenerator<StoredFrame> {
    const queue: StoredFrame[] = [];
    let wake = Promise.withResolvers<undefined>();
    const reader = (frame: StoredFrame): void => {
      queue.push(frame);
      wake.resolve(undefined);
    };
    this.#readers.add(reader);
    signal.addEventListener('abort', () => wake.resolve(undefined), { once: true });
    try {
      while (!signal.aborted) {
        const frame = queue.shift();
        if (frame !== undefined) yield frame;
        else {
          wake = Promise.withResolvers();
          await wake.promise;
        }
      }
    } finally {
      this.#readers.delete(reader);
    }
  }

  onReconnect(callback: () => void): void {
    this.#reconnected.add(callback);
  }

  reconnect(): void {
    for (const callback of this.#reconnected) callback();
  }

  /** The server lost everything: sequences start over. */
  wipe(): void {
    this.work.clear();
    this.logits.clear();
    this.dead.clear();
    this.#sequence = 0;
    this.#generation += 1;
  }

  /** Stores a frame unless its subject is taken. */
  store(
    place: { readonly step: number; readonly shard: number },
    data: Uint8Array,
    deliver = true,
  ): StoredFrame | null {
    const key = keyOf(place);
    if (this.logits.has(key)) return null;
    const frame = { ...place, sequence: ++this.#sequence, data };
    this.logits.set(key, frame);
    if (deliver) this.deliver(frame);
    return frame;
  }

  deliver(frame: StoredFrame): void {
    for (const reader of this.#readers) reader(frame);
  }

  /** What the operator does in one reconcile: deletes what the student reported, and all that no reader needs. */
  operate(damaged: readonly DamagedFrame[], firstNeededSequence: number): void {
    const bad = new Set(damaged.map(({ sequence }) => sequence));
    for (const [key, { sequence }] of this.logits) {
      if (bad.has(sequence) || sequence < firstNeededSequence) this.logits.delete(key);
    }
  }

  async #work(item: Omit<WorkItem, 'version'>, generation: number): Promise<void> {
    const answer = this.#answer(item);
    if (answer === null) return;
    const { afterMs, fault = 'none' } = answer;
    await this.#clock.sleep(afterMs);
    // An item that a teacher held while the server was wiped is answered too, as by a zombie.
    if (generation === this.#generation) this.work.delete(keyOf(item));
    switch (fault) {
      case 'lostItem':
        return;
      case 'deadLetter':
        this.dead.set(keyOf(item), {
          shard: item.shard,
          step: item.step,
          teacher: 'teacher-1',
          deliveries: 5,
          error: 'found NaN',
          item: { version: 1, ...item },
        });
        return;
      case 'damaged': {
        const data = answerFrame(item);
        data[data.length - 1]! ^= 0xff;
        this.store(item, data);
        return;
      }
      case 'deliveredTwice': {
        const frame = this.store(item, answerFrame(item));
        if (frame !== null) this.deliver(frame);
        return;
      }
      case 'undelivered':
      case 'none':
        this.store(item, answerFrame(item), fault === 'none');
        return;
    }
  }
}

function keyOf({ step, shard }: { readonly step: number; readonly shard: number }): string {
  return `${String(shard)}.${String(step)}`;
}
