/** What the chart installs for Prometheus and Grafana, rendered by the real helm. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { readRules, said } from '../../kit/cluster/prometheus.js';
import { buildTools, helmTools, monitorTools } from '../../kit/cluster/tools.js';

interface Rendered {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly labels: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly spec?: unknown;
  readonly data?: Readonly<Record<string, string>>;
}

const minimal = { 'nats.url': 'nats://nats.nats:4222', 'nats.existingSecret': 'distillery-nats' };
const all = {
  ...minimal,
  'monitoring.podMonitor.enabled': 'true',
  'monitoring.rules.enabled': 'true',
  'monitoring.dashboards.enabled': 'true',
  'monitoring.labels.release': 'prometheus',
};

beforeAll(async () => {
  await buildTools({ groups: [helmTools, monitorTools] });
});

function textOf(values: Readonly<Record<string, string>>): Promise<string> {
  return helm(['template', 'distillery', chartFolder, '-n', 'distillery-system', ...sets(values)]);
}

async function rendered(values: Readonly<Record<string, string>>): Promise<Rendered[]> {
  return parseAllDocuments(await textOf(values))
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

async function only(values: Readonly<Record<string, string>>, kind: string): Promise<Rendered[]> {
  return (await rendered(values)).filter((object) => object.kind === kind);
}

test('by default it installs nothing that needs the Prometheus Operator, and no dashboards', async () => {
  const objects = await rendered(minimal);
  expect(objects.filter(({ apiVersion }) => apiVersion.startsWith('monitoring.coreos.com'))).toEqual([]);
  expect(objects.filter(({ metadata: { name } }) => name.includes('dashboard'))).toEqual([]);
});

describe('with the values of monitoring', () => {
  test('the rules are those that promtool tests', async () => {
    const [rule] = await only(all, 'PrometheusRule');
    expect(rule?.spec).toEqual(await readRules());
    expect(rule?.metadata.labels).toMatchObject({ release: 'prometheus', 'app.kubernetes.io/instance': 'distillery' });
  });

  test('the addresses of runbooks are those of the installation', async () => {
    const [rule] = await only(
      { ...all, 'monitoring.rules.runbookUrl': 'https://wiki.example/distillery/' },
      'PrometheusRule',
    );
    const text = JSON.stringify(rule);
    expect(text).toContain('"https://wiki.example/distillery/DistilleryNoLeader"');
    expect(text).not.toContain('distillery.dev/runbooks');
  });

  test('the monitor scrapes the pods of the operator and keeps the labels of their metrics', async () => {
    const [monitor] = await only({ ...all, 'monitoring.podMonitor.interval': '15s' }, 'PodMonitor');
    const [deployment] = await only(all, 'Deployment');
    expect(monitor?.metadata.labels.release).toBe('prometheus');
    expect(monitor?.spec).toMatchObject({
      podMetricsEndpoints: [{ port: 'metrics', path: '/metrics', interval: '15s', honorLabels: true }],
    });
    const { selector } = monitor?.spec as { selector: { matchLabels: object } };
    expect((deployment?.spec as { template: { metadata: object } }).template.metadata).toMatchObject({
      labels: selector.matchLabels,
    });
    expect(JSON.stringify(deployment)).toContain('"name":"metrics"');
  });

  test('the objects have only fields that the Prometheus Operator knows', async () => {
    const text = await textOf(all);
    expect(await said('monitor-check', [], text)).toEqual({ code: 0, text: 'PodMonitor\nPrometheusRule\n' });
    const wrong = await said('monitor-check', [], text.replace('honorLabels:', 'honorsLabels:'));
    expect([wrong.code, wrong.text]).toEqual([1, expect.stringContaining('unknown field')]);
  });

  test('each dashboard is a ConfigMap that the sidecar of Grafana finds', async () => {
    const maps = (await only(all, 'ConfigMap')).filter(({ metadata: { name } }) => name.includes('dashboard'));
    expect(maps.map(({ metadata: { name } }) => name)).toEqual([
      'distillery-dashboard-job',
      'distillery-dashboard-platform',
    ]);
    for (const { metadata, data = {} } of maps) {
      expect(metadata.labels.grafana_dashboard).toBe('1');
      const [[file, text] = ['', '']] = Object.entries(data);
      const source = await readFile(join(chartFolder, 'dashboards', file.replace('distillery-', '')), 'utf8');
      expect(JSON.parse(text)).toEqual(JSON.parse(source));
    }
  });

  test('labels and annotations of dashboards are the installation’s', async () => {
    const values = {
      ...all,
      'monitoring.dashboards.labels.team': 'ml',
      'monitoring.dashboards.annotations.grafana_folder': 'Distillery',
    };
    const [map] = (await only(values, 'ConfigMap')).filter(({ metadata: { name } }) => name.includes('dashboard'));
    expect(map?.metadata.labels.team).toBe('ml');
    expect(map?.metadata.annotations).toEqual({ grafana_folder: 'Distillery' });
  });
});
