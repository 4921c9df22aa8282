/**
 * The WORK stream of a job as its workers would fill and empty it: a message for each step that the student fed, gone when
 * its logits are stored. What computes is the plant; the messages, their consumer and its counts are real.
 */
import { encodeWorkItem, jobNames } from '@distillery/protocol';
import { jetstream, type JetStreamClient } from '@nats-io/jetstream';
import type { NatsConnection } from '@nats-io/transport-node';

import type { Job } from '../../../src/simulate/index.js';

/** The consumer that all teachers share (docs/protocol.md). */
export const teachersConsumer = 'teachers';
/** What was published is there: nobody waits so long. */
const fetchMs = 5_000;
const mostAtOnce = 256;

/** Whole steps that the student has fed: as far ahead of its training as the window allows. */
export function fedSteps({ phase, spec, trainedSteps }: Job): number {
  return phase === 'Training' ? Math.min(spec.steps, Math.floor(trainedSteps + spec.windowSteps)) : 0;
}

export class WorkFeed {
  readonly #stream: JetStreamClient;
  /** Of the streams' names. */
  readonly #uid: string;
  #published = 0;
  #acknowledged = 0;

  constructor(connection: NatsConnection, uid: string) {
    this.#stream = jetstream(connection, { checkAPI: false });
    this.#uid = uid;
  }

  /** Brings the stream to what the job's counters say; not to be called again before it has resolved. */
  async follow(job: Job): Promise<void> {
    const fed = fedSteps(job);
    const labeled = Math.min(fed, Math.floor(job.labeledSteps));
    // What is labeled by now may not even be published: the plant counts on between two looks.
    await this.#publish(Math.max(labeled, Math.min(fed, this.#acknowledged + job.spec.windowSteps)));
    await this.#acknowledge(labeled);
    await this.#publish(fed);
  }

  async #publish(until: number): Promise<void> {
    const { subjects } = jobNames(this.#uid);
    while (this.#published < until) {
      const steps = Array.from({ length: Math.min(mostAtOnce, until - this.#published) }, () => this.#published++);
      await Promise.all(
        steps.map((step) => {
          const item = encodeWorkItem({ step, shard: 0, firstRow: 0, indices: [step], augmentSeed: step });
          return this.#stream.publish(subjects.work(0, step), item);
        }),
      );
    }
  }

  async #acknowledge(until: number): Promise<void> {
    const { streams } = jobNames(this.#uid);
    while (this.#acknowledged < until) {
      const consumer = await this.#stream.consumers.get(streams.work, teachersConsumer);
      const most = Math.min(mostAtOnce, until - this.#acknowledged);
      for await (const message of await consumer.fetch({ max_messages: most, expires: fetchMs })) {
        message.ack();
        this.#acknowledged++;
      }
    }
  }
}
