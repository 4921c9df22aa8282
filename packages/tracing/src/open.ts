/** Opens tracing, or leaves it off. OpenTelemetry is imported here alone, and only when a collector is set (tracer/X1). */
import type { Tracer, TracerOptions } from './tracer.js';

/** @returns null when tracing is off */
export async function openTracer({ settings, ...options }: TracerOptions): Promise<Tracer | null> {
  if (settings === null) return null;
  const { tracerOf } = await import('./otel.js');
  return tracerOf(settings, options);
}
