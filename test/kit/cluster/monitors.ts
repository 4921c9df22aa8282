/**
 * What the Prometheus Operator does with a release, as small as the chart needs: its PodMonitor and PrometheusRule in the API server
 * become the targets and rules of a real Prometheus. Their types are open here; `monitor-check` reads them strictly.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import type { ControlPlane } from './control-plane.js';
import { hurried, type Prometheus, type Rules, startPrometheus } from './prometheus.js';

const group = 'monitoring.coreos.com';
const version = 'v1';
const followEveryMs = 500;

function openCrd(plural: string, kind: string): object {
  const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, singular: kind.toLowerCase(), kind, listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  };
}

/** Has the cluster serve PodMonitors and PrometheusRules, as if the Prometheus Operator were there. */
export async function serveMonitors(cluster: ControlPlane): Promise<void> {
  await cluster.apply(openCrd('podmonitors', 'PodMonitor'), openCrd('prometheusrules', 'PrometheusRule'));
  await cluster.servesCrds([`podmonitors.${group}`, `prometheusrules.${group}`]);
}

interface PodMonitor {
  readonly spec: {
    readonly selector: { readonly matchLabels: Readonly<Record<string, string>> };
    readonly podMetricsEndpoints: readonly { readonly port: string; readonly path: string }[];
  };
}
interface ScrapedPod {
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly containers: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status: { readonly phase?: string; readonly podIP?: string };
}

export interface MonitoringPrometheus extends Prometheus {
  /** Ends the search for pods; Prometheus itself ends with the cluster. */
  stop(): Promise<void>;
}

/**
 * Scrapes the pods that the only PodMonitor of the namespace selects, and evaluates the only PrometheusRule, without its waiting times.
 * The value of `instance` is the name of the pod.
 */
export async function startMonitoring(cluster: ControlPlane, namespace: string): Promise<MonitoringPrometheus> {
  const only = async <T>(plural: string): Promise<T> => {
    const { items } = await cluster.api.get<{ items: T[] }>(
      `/apis/${group}/${version}/namespaces/${namespace}/${plural}`,
    );
    const [one, ...others] = items;
    if (one === undefined || others.length > 0) {
      throw new Error(`${plural} of namespace ${namespace}: found ${String(items.length)}, expected one`);
    }
    return one;
  };
  const monitor = await only<PodMonitor>('podmonitors');
  const rule = await only<{ readonly spec: Rules }>('prometheusrules');
  const prometheus = await startPrometheus(cluster.processes, cluster.folder, hurried(rule.spec));
  const over = new AbortController();
  let known = '';
  const follow = async (): Promise<void> => {
    const targets = await targetsOf(cluster, namespace, monitor);
    const text = JSON.stringify(targets);
    if (text === known) return;
    await prometheus.scrape(targets);
    known = text;
  };
  const following = (async () => {
    while (!over.signal.aborted) {
      // An API server that restarts has no new targets.
      await follow().catch(() => undefined);
      await sleep(followEveryMs, undefined, { signal: over.signal }).catch(() => undefined);
    }
  })();
  return {
    ...prometheus,
    stop: async () => {
      over.abort();
      await following;
    },
  };
}

async function targetsOf(
  cluster: ControlPlane,
  namespace: string,
  { spec: { selector, podMetricsEndpoints } }: PodMonitor,
): Promise<Record<string, string>> {
  const labels = Object.entries(selector.matchLabels).map(([name, value]) => `${name}=${value}`);
  const { items } = await cluster.api.get<{ items: ScrapedPod[] }>(
    `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(labels.join(','))}`,
  );
  const found = items.flatMap(({ metadata, spec, status: { phase, podIP } }) => {
    const ports = spec.containers.flatMap(({ ports: all = [] }) => all);
    const port = ports.find(({ name }) => name === podMetricsEndpoints[0]?.port)?.containerPort;
    return phase !== 'Running' || podIP === undefined || port === undefined
      ? []
      : [[metadata.name, `${podIP}:${String(port)}`] as const];
  });
  return Object.fromEntries(found);
}
