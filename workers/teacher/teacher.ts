/**
 * The teacher: turns work items into logits frames. Stateless; any number of them share one queue.
 *
 * Invariants:
 *  teacher/T1 An item is acknowledged only after its frame (or its dead letter) is stored.
 *  teacher/T2 An item that cannot be finished is given back: at a stop, and after an error while deliveries are left.
 *  teacher/T3 At most `teacherPrefetch` items are held, so that loading, inference and publishing overlap (I4).
 */
import type { Clock } from '@distillery/base';
import {
  type DeadItem,
  encodeFrame,
  type Manifest,
  maxDeadErrorLength,
  maxDeliveries,
  maxUnansweredDeliveries,
  teacherPrefetch,
  type WorkItem,
  WorkItemError,
} from '@distillery/protocol';

import type { Span, Tracer } from '@distillery/tracing';

import { type Log, type Meter, WorkerError } from '../base/index.js';
import { BadSampleError, batchOf } from '../data/index.js';
import { DataError, type Samples, type Split } from '../samples/index.js';
import type { WorkDelivery } from '../stream/index.js';

/** What the teacher needs of the stream. */
export interface TeacherStream {
  /** Deliveries, at most `teacherPrefetch` of them unsettled at a time, until the signal aborts. */
  deliveries(signal: AbortSignal): AsyncIterable<WorkDelivery>;
  /**
   * Stores a frame; `duplicate` when a frame of this shard and step is stored already.
   * @param traceparent context of the span that publishes; absent = none
   */
  publish(shard: number, step: number, frame: Uint8Array, traceparent?: string): Promise<'stored' | 'duplicate'>;
  publishDeadLetter(item: DeadItem): Promise<void>;
}

export interface TeacherInference {
  readonly columns: number;
  readonly digestHex: string;
  infer(samples: Samples): Promise<{ readonly logits: Float32Array; readonly busyMs: number; readonly idleMs: number }>;
}

export interface TeacherCounts {
  items: number;
  duplicates: number;
  failures: number;
}

export interface TeacherOptions {
  readonly name: string;
  readonly manifest: Manifest;
  /** What is trained on. */
  readonly split: Split;
  /** What is held out; null = nothing is. */
  readonly heldOut: Split | null;
  readonly inference: TeacherInference;
  readonly stream: TeacherStream;
  readonly meter: Meter;
  /** null or absent = the teacher does not trace. */
  readonly tracer?: Tracer | null;
  readonly clock: Clock;
  readonly log: Log;
}

/** Wait before a failed item is delivered again, times its deliveries: a temporary fault may pass meanwhile. */
const retryDelayMs = 250;

export class Teacher {
  readonly counts: TeacherCounts = { items: 0, duplicates: 0, failures: 0 };
  readonly #options: TeacherOptions;
  readonly #held = new Set<WorkDelivery>();

  constructor(options: TeacherOptions) {
    this.#options = options;
  }

  /**
   * Labels items until the signal aborts, then finishes those it holds, unless `giveBackHeld` returns them.
   * @throws WorkerError unreachable when the stream is gone for this process; what `publishDeadLetter` throws
   */
  async run(signal: AbortSignal): Promise<void> {
    const lanes = new Set<Promise<void>>();
    const failures: unknown[] = [];
    const failed = new AbortController();
    const ending = AbortSignal.any([signal, failed.signal]);
    for await (const delivery of this.#options.stream.deliveries(ending)) {
      this.#held.add(delivery);
      const lane: Promise<void> = this.#serve(delivery)
        .catch((error: unknown) => {
          // Also ends the loop while it waits for the next delivery.
          failures.push(error);
          failed.abort();
        })
        .finally(() => {
          this.#held.delete(delivery);
          lanes.delete(lane);
        });
      lanes.add(lane);
      if (lanes.size >= teacherPrefetch) await Promise.race(lanes);
    }
    await Promise.all(lanes);
    if (failures.length > 0) throw failures[0];
  }

  /** Returns all held items at once, for other teachers: the drain time is over. */
  giveBackHeld(): void {
    for (const delivery of this.#held) delivery.giveBack(0);
    this.#held.clear();
  }

  async #serve(delivery: WorkDelivery): Promise<void> {
    if (delivery.item instanceof WorkItemError) {
      await this.#deadLetter(delivery, delivery.item.message);
    } else if (delivery.deliveries > maxUnansweredDeliveries) {
      // Few drains, kills and starved processes hit one item so often: the item may be what ends teachers (ADR 2).
      await this.#deadLetter(delivery, 'every teacher that took it ended without an answer');
    } else {
      const span = this.#spanFor(delivery);
      try {
        await this.#label(delivery, delivery.item, span);
        span?.end();
      } catch (error) {
        span?.fail(error instanceof Error ? error.message : String(error));
        await this.#retryOrDeadLetter(delivery, error);
      }
    }
  }

  /** teacher/T2. @throws WorkerError unreachable: the item is not at fault; BadSampleError: the data is */
  async #retryOrDeadLetter(delivery: WorkDelivery, error: unknown): Promise<void> {
    if (error instanceof WorkerError && error.reason === 'unreachable') {
      delivery.giveBack(0);
      throw error;
    }
    // Every teacher finds the same in the same data; the student would, too.
    if (error instanceof BadSampleError) {
      delivery.giveBack(0);
      throw error;
    }
    this.counts.failures += 1;
    const sentence = error instanceof Error ? error.message : String(error);
    this.#options.log.warn(`step ${delivery.step}, delivery ${delivery.deliveries}: ${sentence}`);
    if (delivery.deliveries >= maxDeliveries) await this.#deadLetter(delivery, sentence);
    else delivery.giveBack(retryDelayMs * delivery.deliveries);
  }

  /** The teacher's part of a step's trace; null where the item names none that is sampled. */
  #spanFor({ traceparent, step, shard, deliveries }: WorkDelivery): Span | null {
    const { tracer } = this.#options;
    if (tracer === null || tracer === undefined || traceparent === undefined) return null;
    const attributes = { 'distillery.step': step, 'distillery.shard': shard, 'distillery.deliveries': deliveries };
    return tracer.continue(traceparent, 'teach', { kind: 'consumer', attributes });
  }

  async #label(delivery: WorkDelivery, item: WorkItem, span: Span | null): Promise<void> {
    const { manifest, split, inference, stream, meter, clock } = this.#options;
    const reading = span?.child('read samples');
    const samples = await this.#samples(item);
    reading?.end();
    const inferring = span?.child('infer');
    const { logits, busyMs, idleMs } = await inference.infer(samples);
    inferring?.end();
    const rows = item.indices.length * split.spec.positions;
    const frame = encodeFrame({
      step: item.step,
      shard: item.shard,
      augmentSeed: item.augmentSeed,
      teacherDigest: inference.digestHex,
      encoding: manifest.logits.encoding,
      topK: manifest.logits.topK,
      temperature: manifest.student.loss.temperature,
      rows,
      columns: inference.columns,
      logits,
    });
    const publishing = span?.child('publish', { kind: 'producer' });
    const outcome = await stream.publish(item.shard, item.step, frame, publishing?.traceparent);
    publishing?.end();
    await delivery.done();
    this.counts.items += 1;
    if (outcome === 'duplicate') this.counts.duplicates += 1;
    meter.add({ atMs: clock.now(), rows: item.indices.length, busyMs, idleMs });
  }

  /** Samples for training are augmented as the student augments them, held-out samples are as the data set has them. */
  async #samples(item: WorkItem): Promise<Samples> {
    const { manifest, split, heldOut } = this.#options;
    if (item.split === undefined) {
      return batchOf(split, item.indices, manifest.training.augment, {
        seed: item.augmentSeed,
        firstSample: Math.floor(item.firstRow / split.spec.positions),
      });
    }
    if (heldOut !== null) return heldOut.read(item.indices);
    throw new DataError({
      about: 'work item',
      found: 'samples of the held-out split',
      expected: 'a data set that holds some out',
      remedy: 'use the same data set for student and teachers',
    });
  }

  async #deadLetter(delivery: WorkDelivery, error: string): Promise<void> {
    const { name, stream, log } = this.#options;
    await stream.publishDeadLetter({
      shard: delivery.shard,
      step: delivery.step,
      teacher: name,
      deliveries: delivery.deliveries,
      error: error.slice(0, maxDeadErrorLength),
      item: delivery.item instanceof WorkItemError ? null : delivery.item,
    });
    await delivery.done();
    log.error(`step ${delivery.step}: dead letter after ${delivery.deliveries} deliveries: ${error}`);
  }
}
