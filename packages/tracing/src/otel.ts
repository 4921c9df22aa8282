/**
 * Tracing by OpenTelemetry's SDK: spans in batches to one collector. Nothing is registered globally, no library is instrumented,
 * no resource is detected, and nothing else is sent.
 */
import { version } from '@distillery/base';
import {
  type Context,
  ROOT_CONTEXT,
  type Span as SdkSpan,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Tracer as SdkTracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { AlwaysOnSampler, BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';

import { ReportingExporter } from './exporter.js';
import type { TracingSettings } from './settings.js';
import type { Attributes, Span, SpanOptions, Tracer, TracerOptions } from './tracer.js';
import { parseTraceparent, traceparentOf } from './traceparent.js';

/** At most this many ended spans wait for the collector; more are dropped (I4). */
const maxQueueSize = 2_048;
const batchMs = 1_000;
/** How long one export may take. */
const exportMs = 5_000;
/** How long a process that ends waits for its last spans. */
const closeMs = 1_000;
/** A reason may quote what a library says. */
const longestValue = 1_024;

const kinds = {
  internal: SpanKind.INTERNAL,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const satisfies Record<NonNullable<SpanOptions['kind']>, SpanKind>;

export function tracerOf(
  { endpoint, ratio }: TracingSettings,
  { service, instance, attributes = {}, log }: Omit<TracerOptions, 'settings'>,
): Tracer {
  const exporter = new OTLPTraceExporter({ url: `${endpoint.replace(/\/+$/, '')}/v1/traces`, timeoutMillis: exportMs });
  const provider = new TracerProvider({
    resource: resourceFromAttributes({
      'service.name': service,
      'service.version': version,
      'service.instance.id': instance,
    }),
    // Callers sample: a span that is asked for is recorded (tracer/X2).
    sampler: new AlwaysOnSampler(),
    spanLimits: { attributeValueLengthLimit: longestValue },
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new ReportingExporter(exporter, endpoint, log),
        maxQueueSize,
        scheduledDelayMillis: batchMs,
        exportTimeoutMillis: exportMs,
      }),
    ],
  });
  const tracer = provider.getTracer('distillery', version);
  return {
    ratio,
    start: (name, options) => startIn(tracer, ROOT_CONTEXT, name, attributes, options),
    continue: (traceparent, name, options) => {
      const parent = parseTraceparent(traceparent);
      if (parent?.sampled !== true) return null;
      const { traceId, spanId } = parent;
      const remote = { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
      return startIn(tracer, trace.setSpanContext(ROOT_CONTEXT, remote), name, attributes, options);
    },
    async close() {
      const { promise, resolve } = Promise.withResolvers<undefined>();
      const timer = setTimeout(() => resolve(undefined), closeMs);
      await Promise.race([provider.shutdown().catch(() => undefined), promise]);
      clearTimeout(timer);
    },
  };
}

function startIn(
  tracer: SdkTracer,
  context: Context,
  name: string,
  common: Attributes,
  options: SpanOptions = {},
): Span {
  const { kind = 'internal', attributes } = options;
  const span = tracer.startSpan(name, { kind: kinds[kind], attributes: { ...common, ...attributes } }, context);
  return spanOver(span, (childName, childOptions) =>
    startIn(tracer, trace.setSpan(context, span), childName, common, childOptions),
  );
}

function spanOver(span: SdkSpan, child: Span['child']): Span {
  const { traceId, spanId } = span.spanContext();
  return {
    traceId,
    traceparent: traceparentOf({ traceId, spanId, sampled: true }),
    child,
    set: (attributes) => void span.setAttributes(attributes),
    // The SDK warns about a span that is ended twice.
    end: () => {
      if (span.isRecording()) span.end();
    },
    fail: (reason) => {
      if (!span.isRecording()) return;
      span.setStatus({ code: SpanStatusCode.ERROR, message: reason.slice(0, longestValue) });
      span.end();
    },
  };
}
