/** The operator's metrics in a registry, made from the catalog (catalog.ts). */
import { version } from '@distillery/base';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

import { catalog } from './catalog.js';
import type { MetricDescription } from './describe.js';

type Catalog = typeof catalog;
type Made<D> = D extends { type: 'counter'; labels: readonly (infer L extends string)[] }
  ? Counter<L>
  : D extends { type: 'gauge'; labels: readonly (infer L extends string)[] }
    ? Gauge<L>
    : D extends { type: 'histogram'; labels: readonly (infer L extends string)[] }
      ? Histogram<L>
      : never;
export type Metrics = { readonly [K in keyof Catalog]: Made<Catalog[K]> } & {
  readonly registry: Registry;
  /**
   * Counts one reconcile in `reconcileSeconds`.
   * @param traceId its trace, which becomes an exemplar; undefined = it has none
   */
  readonly observeReconcile: (seconds: number, traceId: string | undefined) => void;
};

/** For the reference page. */
export const metricDescriptions: readonly MetricDescription[] = Object.values(catalog);

const seconds = [0.001, 0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30];

/** Gauges of prom-client whose names end like those of counters: Prometheus would take them for counters. */
const misnamed = ['nodejs_active_handles_total', 'nodejs_active_requests_total', 'nodejs_active_resources_total'];

export interface MetricsOptions {
  /** Adds prom-client's metrics of the Node process: memory, CPU, event loop, garbage collection. */
  readonly processMetrics: boolean;
  /**
   * Reconciles carry the ids of their traces as exemplars. Only the format OpenMetrics has exemplars, so that the page is in it.
   */
  readonly exemplars?: boolean;
}

/** Creates the metrics in a registry of their own: nothing is global. */
export function createMetrics({ processMetrics, exemplars = false }: MetricsOptions): Metrics {
  const registry = new Registry();
  // The library's type of a registry is that of its first content type.
  const formats: { setContentType(type: string): void } = registry;
  if (exemplars) formats.setContentType(Registry.OPENMETRICS_CONTENT_TYPE);
  if (processMetrics) {
    collectDefaultMetrics({ register: registry });
    for (const name of misnamed) registry.removeSingleMetric(name);
  }
  const made = Object.entries(catalog).map(([key, { type, name, help, labels }]) => {
    const common = { name, help, labelNames: [...labels], registers: [registry] };
    if (type === 'counter') return [key, new Counter(common)];
    if (type === 'gauge') return [key, new Gauge(common)];
    const enableExemplars = exemplars && key === 'reconcileSeconds';
    return [key, new Histogram({ ...common, buckets: seconds, enableExemplars })];
  });
  const all = Object.fromEntries(made) as Omit<Metrics, 'registry' | 'observeReconcile'>;
  const metrics: Metrics = { ...all, registry, observeReconcile: reconcileObserver(all, exemplars) };
  metrics.build.set({ version, node: process.version }, 1);
  return metrics;
}

function reconcileObserver(
  { reconcileSeconds }: Pick<Metrics, 'reconcileSeconds'>,
  exemplars: boolean,
): Metrics['observeReconcile'] {
  if (!exemplars) return (seconds) => reconcileSeconds.observe(seconds);
  return (value, traceId) =>
    reconcileSeconds.observe({ labels: {}, value, exemplarLabels: traceId === undefined ? {} : { trace_id: traceId } });
}
