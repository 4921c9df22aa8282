/** The door of tracing: spans, their context in headers, and the settings that turn them on. */
export { openTracer } from './open.js';
export {
  collectorForm,
  defaultRatio,
  endpointVariable,
  isCollectorUrl,
  ratioForm,
  ratioOf,
  ratioVariable,
  tracingOf,
} from './settings.js';
export type { TracingSettings } from './settings.js';
export { isSampled } from './sampling.js';
export type { Attributes, Span, SpanOptions, Tracer, TracerOptions, TracingLog } from './tracer.js';
export { parseTraceparent, traceHeader, traceparentOf } from './traceparent.js';
export type { TraceContext } from './traceparent.js';
