/**
 * The traces of steps: for a sampled step one trace, from the first feed to the update of the weights. A student that does not
 * trace has no object of this class (tracer/X1).
 *
 *   step ─┬─ feed ── teach ─┬─ infer           feed, buffer and train are the student's; the teacher continues the trace
 *         │                 └─ publish ── buffer    of `feed` by the header of the item, the student that of `publish`
 *         └─ train                                  by the header of the frame
 *
 * Invariants:
 *  step-traces/R1 Which steps are sampled follows from their number: every attempt samples the same.
 *  step-traces/R2 Spans are open for steps of the window alone (I4); what is open at the end is ended as abandoned.
 */
import { isSampled, type Span, type Tracer } from '@distillery/tracing';

import type { StoredFrame } from '../stream/index.js';

import type { FrameId } from './frames.js';
import type { LogitsSupply } from './supply.js';
import type { TrainerClient } from './trainer-client.js';

interface OpenStep {
  readonly root: Span;
  /** Context of the span that fed it first, by shard. */
  readonly fed: Map<number, string>;
  /** Frames that wait for their step to be trained, by shard. */
  readonly buffered: Map<number, Span>;
}

export class StepTraces {
  readonly #tracer: Tracer;
  readonly #open = new Map<number, OpenStep>();

  constructor(tracer: Tracer) {
    this.#tracer = tracer;
  }

  /**
   * Publishes the item of a frame, with its context when the step is sampled. A step that waits long is fed again and again: a
   * later time has the context of the first and no span of its own.
   * @param split of the item: what is asked about held-out samples belongs to no step
   */
  async fed<T extends string>(
    { step, shard, split }: FrameId & { readonly split?: string | undefined },
    publish: (traceparent?: string) => Promise<T>,
  ): Promise<T> {
    if (split !== undefined || !isSampled(step, this.#tracer.ratio)) return publish();
    const { root, fed } = this.#stepOf(step);
    const before = fed.get(shard);
    if (before !== undefined) return publish(before);
    const span = root.child('feed', { kind: 'producer', attributes: { 'distillery.shard': shard } });
    fed.set(shard, span.traceparent);
    try {
      const outcome = await publish(span.traceparent);
      span.set({ 'distillery.outcome': outcome });
      span.end();
      return outcome;
    } catch (error) {
      span.fail(String(error));
      throw error;
    }
  }

  /** The frame is here, and was missing. Without a header, as of a teacher that does not trace, it belongs to the step. */
  gathered({ step, shard, data, traceparent }: StoredFrame): void {
    const open = this.#open.get(step);
    if (open === undefined) return;
    const attributes = { 'distillery.step': step, 'distillery.shard': shard, 'distillery.frame.bytes': data.length };
    const options = { kind: 'consumer', attributes } as const;
    const span = this.#tracer.continue(traceparent, 'buffer', options) ?? open.root.child('buffer', options);
    open.buffered.set(shard, span);
  }

  /** The logits of the step are handed out. */
  taken(step: number): void {
    for (const span of this.#open.get(step)?.buffered.values() ?? []) span.end();
  }

  /** Training of the step begins. @returns null for a step that is not traced */
  training(step: number): Span | null {
    return this.#open.get(step)?.root.child('train') ?? null;
  }

  /** The step is in the weights, or never will be. */
  trained(step: number): void {
    this.#open.get(step)?.root.end();
    this.#open.delete(step);
  }

  /** Ends what the student will not train. */
  abandon(): void {
    for (const [step, { root }] of this.#open) {
      this.taken(step);
      root.set({ 'distillery.abandoned': true });
      root.end();
    }
    this.#open.clear();
  }

  #stepOf(step: number): OpenStep {
    const known = this.#open.get(step);
    if (known !== undefined) return known;
    const root = this.#tracer.start('step', { attributes: { 'distillery.step': step } });
    const open = { root, fed: new Map<number, string>(), buffered: new Map<number, Span>() };
    this.#open.set(step, open);
    return open;
  }
}

/** The same supply; the traces learn when logits are handed out. */
export function tracedSupply(supply: LogitsSupply, traces: StepTraces): LogitsSupply {
  return {
    get state() {
      return supply.state;
    },
    start: () => supply.start(),
    stop: () => supply.stop(),
    async take(step) {
      const taken = await supply.take(step);
      if (taken !== 'stopped') traces.taken(step);
      return taken;
    },
    answersHeldOut: supply.answersHeldOut,
    heldOut: () => supply.heldOut(),
    setPace: (stepsPerSecond) => supply.setPace(stepsPerSecond),
  };
}

/** The same trainer; each traced step has a span for its training. */
export function tracedTrainer(trainer: TrainerClient, traces: StepTraces): TrainerClient {
  return {
    parameters: trainer.parameters,
    async train(batch) {
      const span = traces.training(batch.step);
      if (span === null) return trainer.train(batch);
      try {
        const reply = await trainer.train(batch);
        span.set({ 'distillery.busy_ms': reply.busyMs, 'distillery.loss': reply.loss });
        span.end();
        return reply;
      } catch (error) {
        span.fail(String(error));
        throw error;
      } finally {
        traces.trained(batch.step);
      }
    },
    evaluate: (samples, targets) => trainer.evaluate(samples, targets),
    logits: (samples) => trainer.logits(samples),
    state: () => trainer.state(),
    export: () => trainer.export(),
    keepWeights: () => trainer.keepWeights(),
    useKeptWeights: () => trainer.useKeptWeights(),
  };
}
