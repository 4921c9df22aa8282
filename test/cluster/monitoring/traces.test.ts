/**
 * An operator that traces: each reconcile is a trace at a real collector, its id an exemplar in a real Prometheus, and its pods and
 * their NetworkPolicy know the collector.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { freePorts } from '../../kit/cluster/ports.js';
import { type Prometheus, startPrometheus } from '../../kit/cluster/prometheus.js';
import { type OtlpReceiver, otlpReceiver } from '../../kit/otlp-receiver.js';

let world: OperatorCluster;
let receiver: OtlpReceiver;
let prometheus: Prometheus;

beforeAll(async () => {
  [world, receiver] = await Promise.all([OperatorCluster.create(), otlpReceiver()]);
  const { cluster, nats } = world;
  await cluster.addNodes(1, { gpus: 4 });
  prometheus = await startPrometheus(cluster.processes, cluster.folder, { groups: [] });
  const [port = 0] = await freePorts(1);
  await startOperator(cluster, {
    nats,
    environment: {
      DISTILLERY_METRICS_PORT: String(port),
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.endpoint,
      OTEL_TRACES_SAMPLER_ARG: '1',
    },
  });
  await prometheus.scrape({ operator: `127.0.0.1:${String(port)}` });
  await cluster.apply(someJob({ name: 'traced' }));
});
afterAll(async () => {
  await world.close();
  await receiver.close();
});

test('an exemplar of the duration of reconciles is a trace that the collector has', async () => {
  let ids: string[] = [];
  await until(
    'an exemplar whose trace was received',
    async () => {
      ids = await prometheus.traceIds('distillery_reconcile_duration_seconds_bucket');
      return receiver.spans.some(({ name, traceId }) => name === 'reconcile' && ids.includes(traceId));
    },
    () => `exemplars: ${ids.join(', ')}; spans: ${String(receiver.spans.length)}`,
  );
  expect(receiver.refused).toEqual([]);
  const [reconcile] = receiver.spans.filter(({ name, traceId }) => name === 'reconcile' && ids.includes(traceId));
  expect(reconcile!.resource['service.name']).toBe('distillery-operator');
  expect(reconcile!.attributes).toMatchObject({
    'distillery.job.namespace': 'default',
    'distillery.job.name': 'traced',
  });
  // The page that has exemplars has every other metric under its usual name.
  const counted = await prometheus.query('distillery_reconciles_total{outcome="done"}');
  expect(counted[0]?.value).toBeGreaterThan(0);
});

test('the workers of a job have the address of the collector, and may reach it', async () => {
  const uid = await world.uidOf('traced');
  await until('a student', async () => (await world.pods(uid, 'student')).length === 1);
  const [student] = await world.pods(uid, 'student');
  const pod = await world.cluster.kubectlOk(['get', 'pod', student!.name, '-o', 'json']);
  expect(pod).toContain(JSON.stringify(receiver.endpoint));
  const policy = await world.cluster.kubectlOk(['get', 'networkpolicy', 'traced-distill', '-o', 'json']);
  expect(JSON.parse(policy)).toMatchObject({
    spec: {
      egress: expect.arrayContaining([
        {
          ports: [{ protocol: 'TCP', port: Number(new URL(receiver.endpoint).port) }],
          to: [{ ipBlock: { cidr: '127.0.0.1/32' } }],
        },
      ]),
    },
  });
});
