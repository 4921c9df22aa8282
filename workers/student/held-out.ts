/**
 * Agreement with the teacher on samples that the student never trains on (docs/adr/0048): which held-out samples the teachers
 * answer, once for each attempt, and the wait for their answers.
 *
 * Invariants:
 *  held-out/H1 Which samples are asked for is a pure function of the manifest, the data set and the student's width.
 *  held-out/H2 Items have step numbers from `schedule.steps` on: they meet no step of the training, and their frames pass the
 *     training by.
 *  held-out/H3 Measuring never fails a job: samples without a usable answer are left out, with a warning. A
 *     job that stops by the agreement (`training.earlyStop`) needs an answer to one of them at least (early-stop.ts).
 */
import type { Clock } from '@distillery/base';
import { bytesPerRow, decodeFrame, FrameError, type Manifest, rowsPerFrame, type WorkItem } from '@distillery/protocol';

import type { Log } from '../base/index.js';
import type { Probe, StoredFrame } from '../stream/index.js';
import { inParallel } from './feeding.js';
import type { HeldOutAnswer } from './supply.js';

export type HeldOutItem = Omit<WorkItem, 'version'>;

/** What the answers may take in memory, and which part of the stream. */
const maxAnswerBytes = 16 * 2 ** 20;
const streamParts = 8;

export interface HeldOutShape {
  readonly manifest: Manifest;
  /** Samples of the held-out split; 0 = there is none. */
  readonly samples: number;
  /** Steps of the whole job. */
  readonly steps: number;
  /** Logits of a row. */
  readonly columns: number;
  /** Prediction positions of each sample. */
  readonly positions: number;
}

/** Returns the items that ask for evenly spread held-out samples, as many as the job says and the bounds allow. */
export function heldOutItems({ manifest, samples, steps, columns, positions }: HeldOutShape): readonly HeldOutItem[] {
  const { encoding, topK, maxBytes } = manifest.logits;
  const affordable = Math.floor(Math.min(maxAnswerBytes, maxBytes / streamParts) / (4 * columns * positions));
  const count = Math.min(manifest.student.evaluation.teacherSamples ?? 0, samples, affordable);
  const inFrame = Math.floor(rowsPerFrame(bytesPerRow(columns, encoding, topK)) / positions);
  const inItem = Math.min(inFrame, manifest.training.batchSize);
  if (inItem === 0) return [];
  return Array.from({ length: Math.ceil(count / inItem) }, (_, at) => {
    const chosen = Array.from({ length: Math.min(inItem, count - at * inItem) }, (_, nth) => at * inItem + nth);
    return {
      requires: ['held-out'],
      step: steps + at,
      shard: 0,
      firstRow: 0,
      split: 'test' as const,
      indices: chosen.map((nth) => Math.floor((nth * samples) / count)),
      augmentSeed: 0,
    };
  });
}

export interface HeldOutOptions {
  readonly items: readonly HeldOutItem[];
  readonly columns: number;
  readonly positions: number;
  readonly feed: (item: HeldOutItem) => Promise<unknown>;
  readonly probe: (shard: number, step: number) => Promise<Probe>;
  /** Digest that the frames must carry; null = any. */
  readonly teacherDigest: () => string | null;
  readonly clock: Clock;
  readonly log: Log;
  /** Aborts when the supply is stopped or failed. */
  readonly over: AbortSignal;
}

/** Time between two looks at what is stored. Frames come by the consumer before, so this is the safety net. */
const probeMs = 1_000;

export class HeldOut {
  readonly #options: HeldOutOptions;
  readonly #missing: Map<number, HeldOutItem>;
  readonly #answers = new Map<number, HeldOutAnswer>();
  readonly #complete = Promise.withResolvers<undefined>();

  constructor(options: HeldOutOptions) {
    this.#options = options;
    this.#missing = new Map(options.items.map((item) => [item.step, item]));
    options.over.addEventListener('abort', () => this.#complete.resolve(undefined), { once: true });
    this.#settle();
  }

  /** Whether teachers are asked at all. */
  get isMeasured(): boolean {
    return this.#options.items.length > 0;
  }

  /** The answers in the order of the items once all are here or left out; `stopped` when the supply is over before. */
  async answers(): Promise<readonly HeldOutAnswer[] | 'stopped'> {
    await this.#complete.promise;
    if (this.#missing.size > 0) return 'stopped';
    return [...this.#answers.entries()].sort(([left], [right]) => left - right).map(([, answer]) => answer);
  }

  /** Feeds what is not stored, and looks again until every item has its answer. @throws what the stream throws */
  async gather(): Promise<void> {
    const { feed, probe, clock, over } = this.#options;
    while (this.#missing.size > 0 && !over.aborted) {
      await inParallel([...this.#missing.values()], over, async (item) => {
        const found = await probe(item.shard, item.step);
        if (found.kind === 'frame') this.offer(found.frame);
        else if (found.kind === 'dead') this.#leaveOut(item, `no teacher could compute them: ${found.item.error}`);
        else if (this.#missing.has(item.step)) await feed(item);
      });
      await Promise.race([clock.sleep(probeMs, over), this.#complete.promise]);
    }
  }

  /** Keeps a frame that answers a missing item; any other is none of its business. */
  offer({ step, shard, data }: StoredFrame): void {
    const item = this.#missing.get(step);
    if (item?.shard !== shard) return;
    const { columns, positions, teacherDigest } = this.#options;
    try {
      const { header, logits } = decodeFrame(data);
      const wanted = { step, shard, columns, rows: item.indices.length * positions, augmentSeed: item.augmentSeed };
      const fits = Object.entries(wanted).every(([name, value]) => header[name as keyof typeof wanted] === value);
      if (!fits || header.teacherDigest !== (teacherDigest() ?? header.teacherDigest)) {
        this.#leaveOut(item, 'their answer is of another item or teacher');
        return;
      }
      this.#answers.set(step, { indices: item.indices, logits });
      this.#missing.delete(step);
      this.#settle();
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#leaveOut(item, error.message);
    }
  }

  #leaveOut({ step, indices }: HeldOutItem, why: string): void {
    const samples = String(indices.length);
    this.#options.log.warn(`${samples} held-out samples are left out of the agreement with the teacher: ${why}`);
    this.#missing.delete(step);
    this.#settle();
  }

  #settle(): void {
    if (this.#missing.size === 0) this.#complete.resolve(undefined);
  }
}

/** Passes frames on, after each was offered. */
export async function* offeredTo(heldOut: HeldOut, frames: AsyncIterable<StoredFrame>): AsyncGenerator<StoredFrame> {
  for await (const frame of frames) {
    heldOut.offer(frame);
    yield frame;
  }
}
