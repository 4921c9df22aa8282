/** Every query of every panel, asked of a real Prometheus that scrapes a real operator with a job: each has data. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { NatsConnection } from '@nats-io/transport-node';

import { dashboardFolder, hasData, queriesOf, readDashboards } from '../../kit/cluster/dashboards.js';
import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { freePorts } from '../../kit/cluster/ports.js';
import { hurried, type Prometheus, readRules, startPrometheus } from '../../kit/cluster/prometheus.js';
import { publishStates } from '../../kit/cluster/telemetry-publisher.js';
import { buildTools, dashboardTools, toolPath } from '../../kit/cluster/tools.js';
import { withFolder } from '../../kit/folder.js';
import { connectPlain } from '../../kit/stream.js';

const runFile = promisify(execFile);

const files = (await readdir(dashboardFolder)).sort();
const dashboards = await readDashboards();

let world: OperatorCluster;
let prometheus: Prometheus;
let connection: NatsConnection | null = null;
const over = new AbortController();
let reports = Promise.resolve();

beforeAll(async () => {
  await buildTools({ groups: [dashboardTools] });
  world = await OperatorCluster.create();
  const { cluster, nats } = world;
  await cluster.addNodes(2, { gpus: 4 });
  prometheus = await startPrometheus(cluster.processes, cluster.folder, hurried(await readRules()));
  const [port = 0] = await freePorts(1);
  await startOperator(cluster, {
    nats,
    environment: { DISTILLERY_METRICS_PORT: String(port), DISTILLERY_RESERVE: 'nvidia.com/gpu=1' },
  });
  await prometheus.scrape({ operator: `127.0.0.1:${String(port)}` });
  await cluster.apply(someJob());
  const uid = await world.uidOf('mnist');
  await until('a teacher', async () => (await world.running(uid, 'teacher')).length > 0);
  await world.provisioned(uid);
  const publisher = await connectPlain(nats, nats.rootOf('default'));
  connection = publisher;
  reports = (async () => {
    // A student that makes progress: an operator at rest would send no request.
    for (let step = 700; !over.signal.aborted; step += 10) {
      const pods = await world.running(uid, 'teacher');
      const student = { step, checkpointStep: 600, samplesPerSecond: 90, loss: 0.5, metrics: { agreement: 0.9 } };
      publishStates(publisher, uid, student, Object.fromEntries(pods.map(({ name }) => [name, {}])));
      await sleep(400);
    }
  })();
});
afterAll(async () => {
  over.abort();
  await reports;
  await connection?.close();
  await world.close();
});

test('two dashboards, each with panels that name their Prometheus by a variable', () => {
  expect(dashboards.map(({ uid }) => uid)).toEqual(['distillery-job', 'distillery-platform']);
  for (const { panels: all, templating } of dashboards) {
    expect(templating.list.map(({ name }) => name)).toContain('source');
    const targets = all.flatMap(({ targets: some = [] }) => some);
    expect(targets.length).toBeGreaterThan(20);
    for (const { datasource } of targets) expect(datasource.uid).toBe('${source}');
  }
});

describe('the schema of Grafana', () => {
  const check = async (paths: readonly string[]): Promise<string> =>
    runFile(toolPath('dashboard-check'), paths).then(
      ({ stdout }) => stdout,
      (error: unknown) => (error as { readonly stdout: string }).stdout,
    );

  test('accepts every dashboard', async () => {
    expect(await check(files.map((file) => join(dashboardFolder, file)))).toBe('');
  });

  test.each([
    ['a field of another type', '"lineWidth": 1', '"lineWidth": "1"', 'lineWidth: json: cannot unmarshal string'],
    ['an unknown field of a query', '"legendFormat": "trained"', '"legend": "trained"', "unexpected field 'legend'"],
    ['a missing field', '"schemaVersion": 42', '"schemaVersions": 42', 'schemaVersion: required field is missing'],
  ])('refuses %s', async (_what, from, to, message) => {
    const text = await readFile(join(dashboardFolder, 'job.json'), 'utf8');
    expect(text).toContain(from);
    await withFolder({ 'bad.json': text.replace(from, to) }, async (bad) => {
      expect(await check([join(bad, 'bad.json')])).toContain(message);
    });
  });
});

describe('the query of', () => {
  test.each(queriesOf(dashboards))('$dashboard / $panel returns data: $expr', async (query) => {
    // The sweep for streams without a job begins after a minute.
    await hasData(prometheus, query, { namespace: 'default', name: 'mnist' });
  });
});

test('the choices of the variables are those of the job', async () => {
  const found = await prometheus.query('count by (namespace, name) (distillery_job_phase)');
  expect(found.map(({ labels }) => labels)).toEqual([{ namespace: 'default', name: 'mnist' }]);
});
