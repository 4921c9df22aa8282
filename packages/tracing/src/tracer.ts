/**
 * What the parts of this project need of tracing. No type of OpenTelemetry is here, so that only otel.ts imports it.
 *
 * Invariants:
 *  tracer/X1 A part that traces holds a `Tracer | null`. null is off: no span is made, no header is sent, nothing is loaded.
 *  tracer/X2 A span exists only in a sampled trace, so its children are recorded without another decision.
 */

import type { TracingSettings } from './settings.js';

/** Bounded values alone: names, numbers, words. Never a login and no text of a sample. */
export type Attributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanOptions {
  /** Default: work inside the process. `producer` sent a message that another process answers, `consumer` received one. */
  readonly kind?: 'internal' | 'producer' | 'consumer';
  readonly attributes?: Attributes;
}

/** One timed piece of work. Ended once; later calls change nothing. */
export interface Span {
  /** 32 lowercase hex digits. */
  readonly traceId: string;
  /** The value of the header `traceparent` of a message that this span sends. */
  readonly traceparent: string;
  /** Starts a span inside this one. */
  child(name: string, options?: SpanOptions): Span;
  /** Adds attributes. */
  set(attributes: Attributes): void;
  end(): void;
  /** Ends it as failed, with the reason. */
  fail(reason: string): void;
}

export interface Tracer {
  /** Fraction of traces that are recorded, from 0 to 1. */
  readonly ratio: number;
  /** Starts a trace. The caller has decided that it is sampled (sampling.ts). */
  start(name: string, options?: SpanOptions): Span;
  /**
   * Continues the trace of a message.
   * @param traceparent the message's header; undefined = it had none
   * @returns null when the header is absent or invalid, or the trace is not sampled
   */
  continue(traceparent: string | undefined, name: string, options?: SpanOptions): Span | null;
  /** Sends the spans that have ended, and gives up after a second. */
  close(): Promise<void>;
}

export interface TracingLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
}

export interface TracerOptions {
  /** null = off. */
  readonly settings: TracingSettings | null;
  /** `service.name` of the process, such as `distillery-teacher`. */
  readonly service: string;
  /** `service.instance.id`: the name of the pod. */
  readonly instance: string;
  /** On every span. */
  readonly attributes?: Attributes;
  readonly log: TracingLog;
}
