/** Leader election and events against the real API server: what it takes, what it refuses, what kubectl shows of it. */
import { createHash } from 'node:crypto';

import { randomFrom } from '@distillery/base';
import { systemClock } from '@distillery/platform';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import type { Leases } from '../../../src/controller/index.js';
import { EventRecorder, kinds, leasesAt } from '../../../src/cluster/kubernetes/index.js';
import { type EventOutcome } from '../../../src/cluster/kubernetes/act/index.js';
import { leaseDurations, LeaderElector } from '../../../src/controller/index.js';
import { clientOf, type TestClient } from '../../kit/api-client.js';
import { type ControlPlane, distillJobCrd, startControlPlane, until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { quietLog } from '../../kit/stream.js';

const namespace = 'default';
let cluster: ControlPlane;
let api: TestClient;
let name = '';
let count = 0;
let leases: Leases;
const { signal } = new AbortController();
const clock = systemClock;

beforeAll(async () => {
  cluster = await startControlPlane();
  api = await clientOf(cluster.kubeconfig);
});
afterAll(async () => {
  await api.close();
  await cluster.stop();
});
beforeEach(() => {
  name = `lease-${String(++count)}`;
  leases = leasesAt({ namespace, name }, api.client);
});

const vacant = {
  holderIdentity: '',
  leaseDurationSeconds: 1,
  acquireTime: '2026-01-02T03:04:05.678000Z',
  renewTime: '2026-01-02T03:04:05.678000Z',
  leaseTransitions: 0,
};

describe('a lease', () => {
  test('is created once, replaced only in its version, and never created by a renewal', async () => {
    expect(await leases.get(signal)).toBeNull();
    const made = await leases.create(vacant, signal);
    expect(made).toMatchObject({ kind: 'written', lease: vacant });
    expect(await leases.create(vacant, signal)).toEqual({ kind: 'refused' });
    const first = (await leases.get(signal))!;
    const second = await leases.replace({ ...first, holderIdentity: 'a' }, signal);
    expect(second).toMatchObject({ kind: 'written', lease: { holderIdentity: 'a' } });
    expect(await leases.replace({ ...first, holderIdentity: 'b' }, signal)).toEqual({ kind: 'refused' });
    await api.client.delete(kinds.leases, namespace, name);
    expect(await leases.replace({ ...first, holderIdentity: 'b' }, signal)).toEqual({ kind: 'refused' });
    expect(await leases.get(signal)).toBeNull();
  });

  test('from the chart has no spec, and keeps the labels of Helm', async () => {
    const metadata = { namespace, name, labels: { 'app.kubernetes.io/managed-by': 'Helm' } };
    await cluster.apply({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata });
    const found = (await leases.get(signal))!;
    expect(found).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 0 });
    await leases.replace({ ...vacant, resourceVersion: found.resourceVersion, holderIdentity: 'a' }, signal);
    expect((await api.client.get(kinds.leases, namespace, name))?.metadata.labels).toEqual(metadata.labels);
  });
});

interface Candidate {
  readonly elector: LeaderElector;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

function candidate(identity: string): Candidate {
  const elector = new LeaderElector({
    leases,
    identity,
    clock,
    monotonicMs: () => performance.now(),
    random: randomFrom(identity.length),
    durations: leaseDurations(3),
    log: quietLog,
  });
  const stop = new AbortController();
  const ended = elector.run(stop.signal, async (term) => {
    await new Promise((resolve) => term.signal.addEventListener('abort', resolve, { once: true }));
  });
  return { elector, stop, ended };
}

describe('of two candidates', () => {
  test('one leads, renews, and hands over at its end', async () => {
    const a = candidate('a');
    await until('a to lead', () => Promise.resolve(a.elector.leading));
    const b = candidate('b');
    const { renewTime } = (await leases.get(signal))!;
    await until('a renewal', async () => (await leases.get(signal))?.renewTime !== renewTime);
    expect([a.elector.leading, b.elector.leading]).toEqual([true, false]);
    a.stop.abort();
    await a.ended;
    // Given back, not expired: then it would still name a.
    expect(['', 'b']).toContain((await leases.get(signal))?.holderIdentity);
    await until('b to lead', () => Promise.resolve(b.elector.leading));
    expect(await leases.get(signal)).toMatchObject({ holderIdentity: 'b', leaseTransitions: 2 });
    b.stop.abort();
    await b.ended;
    expect(await leases.get(signal)).toMatchObject({ holderIdentity: '' });
  });

  test('the leader creates a deleted lease again before the other candidate may take it', async () => {
    await cluster.apply({ apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name } });
    const a = candidate('a');
    await until('a to lead', () => Promise.resolve(a.elector.leading));
    const b = candidate('b');
    await api.client.delete(kinds.leases, namespace, name);
    await until('a to hold it again', async () => (await leases.get(signal))?.holderIdentity === 'a');
    expect([a.elector.leading, b.elector.leading]).toEqual([true, false]);
    for (const { stop } of [a, b]) stop.abort();
    await Promise.all([a.ended, b.ended]);
  });
});

describe('events', () => {
  test('are shown by kubectl describe, each one once, across a restart', async () => {
    await cluster.installCrd(distillJobCrd);
    await cluster.apply(someJob({ name: 'events' }));
    const job = (await api.client.get(kinds.distillJobs, namespace, 'events'))!;
    const key = { namespace, name: 'events', uid: job.metadata.uid };
    const outcomes: EventOutcome[] = [];
    for (let process = 0; process < 2; process++) {
      const recorder = new EventRecorder({
        client: api.client,
        clock,
        hash: (text) => createHash('sha256').update(text).digest('hex'),
        instance: 'operator_1',
        report: (outcome) => outcomes.push(outcome),
      });
      recorder.record(key, [
        { type: 'Normal', reason: 'Accepted', message: 'The job is valid.' },
        { type: 'Warning', reason: 'StudentFailed', message: 'The student failed (1 of at most 6): no memory' },
      ]);
      await recorder.flush(10_000);
    }
    expect(outcomes.map(({ kind }) => kind)).toEqual(['created', 'created', 'counted', 'counted']);
    const story = await cluster.kubectlOk(['describe', 'distilljob', 'events']);
    expect(story).toMatch(/Normal +Accepted .*\(x2 over .*\) +distillery-operator +The job is valid\./);
    expect(story).toMatch(/Warning +StudentFailed .*no memory/);
  });
});
