/** A tracer that keeps its spans as data: `name(parent) ended|failed|open`. */
import { parseTraceparent, type Span, type SpanOptions, type Tracer, traceparentOf } from '@distillery/tracing';

export interface KeptSpan {
  readonly name: string;
  /** Name of the span around it; null = it begins a trace. */
  readonly parent: string | null;
  readonly options: SpanOptions;
  readonly set: Record<string, unknown>;
  state: 'open' | 'ended' | 'failed';
}

export class FakeTracer implements Tracer {
  readonly ratio: number;
  readonly spans: KeptSpan[] = [];

  constructor(ratio = 1) {
    this.ratio = ratio;
  }

  start(name: string, options: SpanOptions = {}): Span {
    return this.#open(name, null, options);
  }

  continue(traceparent: string | undefined, name: string, options: SpanOptions = {}): Span | null {
    const context = parseTraceparent(traceparent);
    if (context?.sampled !== true) return null;
    return this.#open(name, this.spans[Number.parseInt(context.spanId, 16) - 1]?.name ?? 'another process', options);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** `name(parent)` of all spans in the order of their start, with the state of those that have not ended well. */
  get seen(): string[] {
    return this.spans.map(
      ({ name, parent, state }) => `${name}(${parent ?? ''})${state === 'ended' ? '' : ` ${state}`}`,
    );
  }

  #open(name: string, parent: string | null, options: SpanOptions): Span {
    const kept: KeptSpan = { name, parent, options, set: {}, state: 'open' };
    const number = this.spans.push(kept);
    const spanId = number.toString(16).padStart(16, '0');
    const traceId = 'a'.repeat(32);
    const become = (state: KeptSpan['state']): void => {
      if (kept.state === 'open') kept.state = state;
    };
    return {
      traceId,
      traceparent: traceparentOf({ traceId, spanId, sampled: true }),
      child: (childName, childOptions = {}) => this.#open(childName, name, childOptions),
      set: (attributes) => void Object.assign(kept.set, attributes),
      end: () => become('ended'),
      fail: () => become('failed'),
    };
  }
}
