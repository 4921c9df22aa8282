/**
 * Every alert fires for real: a real Prometheus with the rules of the chart scrapes a real operator, and the fault that the
 * alert is about is made. Only the waiting is shortened (`hurried`); promtool tests the times (rules.test.ts).
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { type DeadItem, jobNames, type StudentState, type TeacherState } from '@distillery/protocol';
import type { NatsConnection } from '@nats-io/transport-node';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type OperatorOptions, type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { freePorts } from '../../kit/cluster/ports.js';
import {
  type FiringAlert,
  hurried,
  type Prometheus,
  readAlerts,
  readRules,
  startPrometheus,
  untilFiring,
  untilQuiet,
} from '../../kit/cluster/prometheus.js';
import { publishStates } from '../../kit/cluster/telemetry-publisher.js';
import { FaultyProxy } from '../../kit/faulty-proxy.js';
import { manyJobs } from '../../kit/nats-operator.js';
import { connectPlain } from '../../kit/stream.js';

let world: OperatorCluster;
let prometheus: Prometheus;
let operator: RunningOperator | null = null;
const seen = new Set<string>();

beforeAll(async () => {
  world = await OperatorCluster.create();
  await world.cluster.addNodes(2, { gpus: 4 });
  prometheus = await startPrometheus(world.cluster.processes, world.cluster.folder, hurried(await readRules()));
});
afterEach(async () => {
  const names = await world.cluster.kubectlOk(['get', 'distilljobs', '-A', '-o', 'name']);
  if (operator !== null && names.trim() !== '') {
    await world.cluster.kubectlOk(['delete', 'distilljobs', '--all', '-A', '--timeout=240s']);
  }
});
afterAll(async () => {
  await world.close();
});

/** Starts an operator in place of the one that runs, and has it scraped. */
async function run(options: Partial<OperatorOptions> = {}): Promise<RunningOperator> {
  await operator?.process.stop(10_000);
  const [port = 0] = await freePorts(1);
  const environment = { DISTILLERY_METRICS_PORT: String(port), ...options.environment };
  operator = await startOperator(world.cluster, { nats: world.nats, ...options, environment });
  await prometheus.scrape({ operator: `127.0.0.1:${String(port)}` });
  await until(
    'Prometheus to see the leader',
    async () => (await prometheus.query('distillery_leader == 1')).length === 1,
  );
  return operator;
}

/** Waits until the alert fires with these labels. */
async function fires(name: string, labels: Readonly<Record<string, string>> = {}): Promise<FiringAlert> {
  const found = await untilFiring(prometheus, name, labels);
  seen.add(name);
  return found;
}

async function ends(name: string): Promise<void> {
  await untilQuiet(prometheus, name);
}

async function natsOf(namespace: string): Promise<NatsConnection> {
  return connectPlain(world.nats, world.nats.rootOf(namespace));
}

/** Reports of the workers of a job, again and again, as long as `work` takes. */
async function reporting(
  uid: string,
  student: Partial<StudentState>,
  teacher: Partial<TeacherState>,
  work: (connection: NatsConnection) => Promise<void>,
): Promise<void> {
  const connection = await natsOf('default');
  const over = new AbortController();
  const reports = (async () => {
    while (!over.signal.aborted) {
      const pods = await world.running(uid, 'teacher');
      publishStates(connection, uid, student, Object.fromEntries(pods.map(({ name }) => [name, teacher])));
      await sleep(400);
    }
  })();
  try {
    await work(connection);
  } finally {
    over.abort();
    await reports;
    await connection.close();
  }
}

async function started(name: string, spec: object = {}, pools?: readonly object[]): Promise<string> {
  await world.cluster.apply(someJob({ name, spec: { ...spec }, ...(pools === undefined ? {} : { pools }) }));
  const uid = await world.uidOf(name);
  await until('its student', async () => (await world.running(uid, 'student')).length === 1);
  await world.provisioned(uid);
  return uid;
}

describe('of a job', () => {
  const job = { namespace: 'default', name: 'mnist' };

  beforeAll(async () => {
    await run();
  });

  test('that waits for logits, stores no checkpoint and has dead items', async () => {
    const uid = await started('mnist');
    const student = { step: 1_000, checkpointStep: 100, waitFraction: 0.9, fedSteps: 1_001, window: 1_000 };
    await reporting(uid, student, {}, async (connection) => {
      expect((await fires('DistilleryStudentStarving', job)).description).toContain(
        'default/mnist has waited for logits 90%',
      );
      expect((await fires('DistilleryCheckpointLate', job)).description).toContain('4.5 checkpoint intervals');
      const dead: DeadItem = { shard: 0, step: 7, teacher: 'teacher-1', deliveries: 5, error: 'bad row', item: null };
      connection.publish(jobNames(uid).subjects.dead(0, 7), JSON.stringify(dead));
      expect((await fires('DistilleryDeadItems', job)).description).toContain('1 work items of default/mnist');
    });
    await reporting(uid, { ...student, waitFraction: 0.1, checkpointStep: 900 }, {}, async () => {
      await ends('DistilleryStudentStarving');
      await ends('DistilleryCheckpointLate');
    });
  });

  test('that wants teachers on an accelerator that no node has', async () => {
    await started('mnist', {}, [{ name: 'other', resource: 'amd.com/gpu', maxReplicas: 4 }]);
    await fires('DistilleryNoTeachers', job);
  });

  test('whose student fails until the job does', async () => {
    const uid = await started('mnist', { backoffLimit: 1 });
    await until('a scrape of it', async () => (await prometheus.query('distillery_job_failures_total')).length === 1);
    for (const failures of [1, 2]) {
      await until('its student', async () => (await world.running(uid, 'student')).length === 1);
      const [student] = await world.running(uid, 'student');
      await world.cluster.endPod('default', student!.name, { exitCode: 1, message: 'the loss is not a number' });
      await until('the failure', async () => (await world.job('mnist'))?.status?.failures === failures);
    }
    await fires('DistilleryStudentFailing', job);
    await fires('DistilleryJobFailed', { ...job, phase: 'Failed' });
  });
});

describe('of the platform', () => {
  test('an account of NATS whose storage is reserved', async () => {
    await run();
    await world.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'small' } });
    await world.cluster.apply(someJob({ namespace: 'small' }));
    const reserved = async (): Promise<number> =>
      (await prometheus.query('distillery_nats_storage_reserved_bytes{account="small"}'))[0]?.value ?? 0;
    await until('the reserved bytes of a whole job', async () => (await reserved()) > 1024 ** 3);
    const limit = Math.ceil((await reserved()) * 1.05);
    await run({ environment: { DISTILLERY_NATS_NAMESPACE_LIMITS: `small:storage=${String(limit)}` } });
    const { description } = await fires('DistilleryNatsStorageNearFull', { account: 'small' });
    expect(description).toContain('95.24% of the storage of the NATS account small');
  });

  test('a server of NATS whose storage is reserved', async () => {
    await run();
    const maxBytes = Math.floor(manyJobs.disk_storage * 0.95);
    await world.cluster.apply(someJob({ name: 'large', spec: { logits: { maxBytes } } }));
    const labels = { job: 'distillery', storage: 'file' };
    const { description } = await fires('DistilleryNatsStorageNearFull', labels);
    expect(description).toMatch(/^The streams of all accounts take 95\.\d*% of the file storage of a NATS server\. /);
    await world.cluster.kubectlOk(['delete', 'distilljob', 'large', '--timeout=240s']);
    await ends('DistilleryNatsStorageNearFull');
  });

  test('credentials that end', async () => {
    const systemCreds = await world.nats.systemCredsUntil(Math.floor(Date.now() / 1_000) + 24 * 3_600);
    await run({ nats: { ...world.nats, accounts: { ...world.nats.accounts, systemCreds } } });
    await fires('DistilleryCredentialsExpiring', { credentials: 'nats-system' });
  });

  test('requests that wait for the budget', async () => {
    await run({ environment: { DISTILLERY_API_QPS: '1', DISTILLERY_API_BURST: '1' } });
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await world.cluster.apply(someJob({ name }));
    await fires('DistilleryApiThrottled');
    await run();
  });

  test('reconciles that fail', async () => {
    await run();
    await started('mnist');
    await world.cluster.apply(denyStatus);
    await world.cluster.apply(denyStatusEverywhere);
    try {
      await until('the policy to be in force', async () =>
        (await world.cluster.kubectl(probeStatus)).stderr.includes('no status today'),
      );
      // Something to write about.
      await world.cluster.kubectlOk([
        'patch',
        'distilljob',
        'mnist',
        '--type=merge',
        '-p',
        '{"spec":{"suspend":true}}',
      ]);
      await fires('DistilleryReconcilesFailing');
      // A deletion waits for no status.
      await world.cluster.kubectlOk(['delete', 'distilljob', 'mnist', '--timeout=240s']);
    } finally {
      await world.cluster.kubectlOk([
        'delete',
        'validatingadmissionpolicybinding,validatingadmissionpolicy',
        'no-status',
      ]);
    }
    await ends('DistilleryReconcilesFailing');
  });

  test('a NATS server that is away', async () => {
    await run();
    await world.nats.kill();
    await fires('DistilleryNatsUnreachable');
    await world.nats.restart();
    await ends('DistilleryNatsUnreachable');
  });

  test('a watch that is silent although the operator leads', async () => {
    const proxy = await FaultyProxy.start(world.cluster.endpoint.url);
    const kubeconfig = join(world.cluster.folder, 'proxied.kubeconfig');
    const direct = await readFile(world.cluster.kubeconfig, 'utf8');
    await writeFile(kubeconfig, direct.replaceAll(world.cluster.endpoint.url, proxy.url), { mode: 0o600 });
    try {
      // It leads for 400 s without a renewal.
      await run({ kubeconfig, environment: { DISTILLERY_LEASE_SECONDS: '600' } });
      proxy.blackHole();
      await fires('DistilleryWatchStale', { resource: 'pods' });
      await proxy.heal();
      proxy.cut();
      await ends('DistilleryWatchStale');
      await operator?.process.stop(10_000);
    } finally {
      await proxy.stop();
    }
  });

  test('an operator that is gone, and one that does not lead', async () => {
    await run();
    await operator?.process.stop(10_000);
    await fires('DistilleryNoLeader');
    const lease = {
      spec: { holderIdentity: 'somebody', leaseDurationSeconds: 3_600, renewTime: microTime(new Date()) },
    };
    await world.cluster.kubectlOk([
      'patch',
      'lease',
      'distillery-operator',
      '--type=merge',
      '-p',
      JSON.stringify(lease),
    ]);
    const [port = 0] = await freePorts(1);
    operator = await startOperator(world.cluster, {
      nats: world.nats,
      standby: true,
      environment: { DISTILLERY_METRICS_PORT: String(port) },
    });
    await prometheus.scrape({ operator: `127.0.0.1:${String(port)}` });
    await fires('DistilleryNoLeader', { job: 'distillery' });
    operator = null;
  });
});

test('no alert was left out', async () => {
  expect([...seen].sort()).toEqual((await readAlerts()).map(({ alert }) => alert).sort());
});

function microTime(date: Date): string {
  return date.toISOString().replace('Z', '000Z');
}

const policy = { metadata: { name: 'no-status' } };
const denyStatus = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicy',
  ...policy,
  spec: {
    matchConstraints: {
      resourceRules: [
        {
          apiGroups: ['distillery.dev'],
          apiVersions: ['*'],
          operations: ['UPDATE'],
          resources: ['distilljobs/status'],
        },
      ],
    },
    validations: [{ expression: 'false', message: 'no status today' }],
  },
};
const denyStatusEverywhere = {
  apiVersion: 'admissionregistration.k8s.io/v1',
  kind: 'ValidatingAdmissionPolicyBinding',
  ...policy,
  spec: { policyName: 'no-status', validationActions: ['Deny'] },
};
const probeStatus = [
  ...['patch', 'distilljob', 'mnist', '--subresource=status', '--type=merge'],
  ...['-p', '{"status":{"attempts":0}}'],
];
