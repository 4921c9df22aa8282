/**
 * What the operator promises when things die: another takes over and never acts beside the first; wherever one is killed,
 * the next goes on; an API server that goes away, or comes back with an older state, costs time and nothing else.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { randomFrom } from '@distillery/base';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';

let world: OperatorCluster;
const operators: RunningOperator[] = [];

beforeAll(async () => {
  world = await OperatorCluster.create({ audit: 'Metadata' });
  await world.cluster.addNodes(2, { gpus: 4 });
});
afterEach(async () => {
  for (const { process } of operators.splice(0)) await process.stop(10_000);
  await world.cluster.kubectlOk(['delete', 'lease', 'distillery-operator', '--ignore-not-found']);
});
afterAll(async () => {
  await world.close();
});

async function start(options: Partial<Parameters<typeof startOperator>[1]> = {}): Promise<RunningOperator> {
  const operator = await startOperator(world.cluster, { nats: world.nats, ...options });
  operators.push(operator);
  return operator;
}

const gpus = (replicas: number): object[] => [
  { name: 'gpu', resource: 'nvidia.com/gpu', minReplicas: replicas, maxReplicas: replicas },
];

async function settled(uid: string, teachers: number): Promise<void> {
  await until(`${String(teachers)} teachers and a student`, async () => {
    const [fleet, students] = await Promise.all([world.running(uid, 'teacher'), world.running(uid, 'student')]);
    return fleet.length === teachers && students.length === 1;
  });
}

async function remove(name: string, uid: string): Promise<void> {
  await world.cluster.kubectlOk(['delete', 'distilljob', name, '--timeout=120s']);
  await until('nothing of it', async () => (await world.owned(uid)).length === 0);
  expect((await world.streams(uid)).state).toBe('Absent');
}

/** Requests of a user that change something, leases aside, in the order in which they were received. */
async function writesOf(user: string): Promise<{ at: number; what: string }[]> {
  const reads = ['get', 'list', 'watch'];
  return (await world.cluster.audit.events())
    .filter(({ user: { username }, verb, objectRef }) => {
      return username === user && !reads.includes(verb) && objectRef?.resource !== 'leases';
    })
    .map(({ requestReceivedTimestamp, verb, objectRef }) => ({
      at: Date.parse(requestReceivedTimestamp),
      what: `${verb} ${objectRef?.resource ?? ''}/${objectRef?.name ?? ''}`,
    }));
}

describe('of two operators', () => {
  test('the second takes over when the first freezes, and the first never acts again', async () => {
    const [ann, ben] = await Promise.all(['ann', 'ben'].map((name) => world.cluster.user(name, ['system:masters'])));
    const first = await start({ kubeconfig: ann!, supervised: false });
    const second = await start({ kubeconfig: ben!, standby: true, supervised: false });
    await world.cluster.apply(someJob({ name: 'shared', pools: gpus(2) }));
    const uid = await world.uidOf('shared');
    await settled(uid, 2);
    expect(await writesOf('ben')).toEqual([]);

    first.process.signal('SIGSTOP');
    await until('the second to lead', async () => (await second.log()).some(({ msg }) => msg === 'leading'));
    await world.cluster.kubectlOk([
      'patch',
      'distilljob',
      'shared',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { teacher: { pools: gpus(4) } } }),
    ]);
    await settled(uid, 4);
    first.process.signal('SIGCONT');
    expect(await first.process.exited).toEqual({ code: 1, signal: null });
    const [annWrote, benWrote] = [await writesOf('ann'), await writesOf('ben')];
    expect(annWrote.length).toBeGreaterThan(0);
    expect(benWrote.length).toBeGreaterThan(0);
    const handover = benWrote[0]!.at;
    expect(annWrote.filter(({ at }) => at >= handover)).toEqual([]);

    // And a third takes over from one that is killed without a word.
    const third = await start({ standby: true });
    await second.process.kill();
    await until('the third to lead', async () => (await third.log()).some(({ msg }) => msg === 'leading'));
    await remove('shared', uid);
  });

  test('the first changes no objects and streams of a deleted job when it wakes, whatever it was doing', async () => {
    const ann = await world.cluster.user('paused', ['system:masters']);
    const environment = { DISTILLERY_LEASE_SECONDS: '3' };
    const random = randomFrom(20_261_129);
    // Stopped while the job is made, while it is brought to another size, and while it is being removed.
    for (const during of ['create', 'scale', 'remove'] as const) {
      const name = `paused-${during}`;
      const before = (await writesOf('paused')).length;
      const first = await start({ kubeconfig: ann, supervised: false, environment });
      let uid: string;
      const create = async (): Promise<void> => {
        await world.cluster.apply(someJob({ name, pools: gpus(2) }));
        uid = await world.uidOf(name);
      };
      if (during !== 'create') {
        await create();
        await settled(uid!, 2);
      }
      const pause = sleep(random.unit() * 60).then(() => first.process.signal('SIGSTOP'));
      if (during === 'create') await create();
      else if (during === 'scale') await world.cluster.apply(someJob({ name, pools: gpus(4) }));
      else await world.cluster.kubectlOk(['delete', 'distilljob', name, '--wait=false']);
      await pause;
      const second = await start({ environment });
      const handover = Date.now();
      await world.cluster.kubectlOk(['delete', 'distilljob', name, '--timeout=60s', '--ignore-not-found']);
      await until('nothing of it', async () => (await world.owned(uid)).length === 0);
      expect((await world.streams(uid!)).state).toBe('Absent');

      first.process.signal('SIGCONT');
      expect(await first.process.exited).toEqual({ code: 1, signal: null });
      const wrote = (await writesOf('paused')).slice(before);
      expect([during, wrote.filter(({ at }) => at >= handover)]).toEqual([during, []]);
      expect([during, (await world.streams(uid!)).state]).toEqual([during, 'Absent']);
      expect(await world.owned(uid!)).toEqual([]);
      await second.process.stop(10_000);
    }
  });

  test('a lease whose holder has another clock is waited for by our own clock', async () => {
    const tomorrow = new Date(Date.now() + 86_400_000).toISOString().replace('Z', '000Z');
    await world.cluster.apply({
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name: 'distillery-operator', namespace: 'default' },
      spec: {
        holderIdentity: 'somebody',
        leaseDurationSeconds: 3,
        acquireTime: tomorrow,
        renewTime: tomorrow,
        leaseTransitions: 7,
      },
    });
    const operator = await start();
    const lease = await world.cluster.api.get<{ spec: { holderIdentity: string; leaseTransitions: number } }>(
      '/apis/coordination.k8s.io/v1/namespaces/default/leases/distillery-operator',
    );
    expect(lease.spec).toMatchObject({ leaseTransitions: 8 });
    expect(lease.spec.holderIdentity).toContain('operator-');
    await operator.process.stop(10_000);
    const released = await world.cluster.api.get<{ spec: { holderIdentity?: string } }>(
      '/apis/coordination.k8s.io/v1/namespaces/default/leases/distillery-operator',
    );
    expect(released.spec.holderIdentity ?? '').toBe('');
  });
});

describe('an API server', () => {
  test('that is killed during a job costs the job nothing', async () => {
    await start();
    await world.cluster.apply(someJob({ name: 'steady', pools: gpus(2) }));
    const uid = await world.uidOf('steady');
    await settled(uid, 2);
    const [student] = await world.running(uid, 'student');
    await world.cluster.apiServer.kill();
    await sleep(2_000);
    await world.cluster.apiServer.start();
    await world.cluster.kubectlOk([
      'patch',
      'distilljob',
      'steady',
      '--type=merge',
      '-p',
      JSON.stringify({ spec: { teacher: { pools: gpus(5) } } }),
    ]);
    await settled(uid, 5);
    expect((await world.running(uid, 'student')).map(({ name }) => name)).toEqual([student!.name]);
    await remove('steady', uid);
  });

  test('that returns with an etcd from before our objects gets them all again, from the job alone', async () => {
    await world.cluster.apply(someJob({ name: 'phoenix', pools: gpus(3) }));
    const uid = await world.uidOf('phoenix');
    const before = await world.cluster.etcd.snapshot();
    await start();
    await settled(uid, 3);
    const had = (await world.owned(uid)).map((name) => name.replace(/-[a-z0-9]{5}$/, '')).sort();
    await world.cluster.setBack(before);
    await settled(uid, 3);
    expect((await world.owned(uid)).map((name) => name.replace(/-[a-z0-9]{5}$/, '')).sort()).toEqual(had);
    expect((await world.job('phoenix'))?.metadata.finalizers).toEqual(['distillery.dev/streams']);
    await remove('phoenix', uid);
  });
});

describe('a job that is removed without its finalizer while no operator runs', () => {
  test('leaves neither streams nor an open account after its time; a job beside it keeps its own', async () => {
    const first = await start();
    const elsewhere = 'left-behind';
    await world.cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: elsewhere } });
    const pools = [{ name: 'cpu', maxReplicas: 1 }];
    await world.cluster.apply(someJob({ name: 'kept', pools }));
    await world.cluster.apply(someJob({ name: 'lost', pools }));
    await world.cluster.apply(someJob({ name: 'lost', namespace: elsewhere, pools }));
    const [kept, lost] = [await world.uidOf('kept'), await world.uidOf('lost')];
    for (const uid of [kept, lost]) {
      await until('its streams', async () => (await world.streams(uid)).state === 'Present');
    }
    await until('the student elsewhere', async () => {
      const uid = await world.uidOf('lost', elsewhere);
      return (await world.running(uid, 'student', elsewhere)).length === 1;
    });
    await first.process.stop(10_000);
    for (const namespace of ['default', elsewhere]) {
      await world.cluster.kubectlOk([
        ...['-n', namespace, 'patch', 'distilljob', 'lost', '--type=merge'],
        ...['-p', '{"metadata":{"finalizers":null}}'],
      ]);
      await world.cluster.kubectlOk(['-n', namespace, 'delete', 'distilljob', 'lost', '--timeout=60s']);
    }
    expect(await world.streams(lost)).toMatchObject({ state: 'Present', missing: [] });

    const seconds = 4;
    const second = await start({ environment: { DISTILLERY_ORPHAN_SECONDS: String(seconds) } });
    const leadsSince = Date.now();
    await until('its streams to go', async () => (await world.streams(lost)).state === 'Absent');
    // It has seen the job missing for that long; polls of ours and a round of the sweep come late, never early.
    expect(Date.now() - leadsSince).toBeGreaterThan((seconds - 2) * 1_000);
    await until('the account to be closed', async () =>
      (await second.log()).some(
        ({ msg, namespace }) => namespace === elsewhere && /^NATS account .* closed$/.test(msg),
      ),
    );
    expect(await world.streams(kept)).toMatchObject({ state: 'Present', missing: [] });
    const { text } = await second.ask('/metrics');
    expect(text).toMatch(/^distillery_orphan_streams_removed_total 12$/m);
    expect(text).toMatch(/^distillery_orphan_streams\{state="foreign"\} 0$/m);
    await remove('kept', kept);
  });
});

describe('an operator that is killed at random moments', () => {
  const kills = 50;

  test(`${String(kills)} times over a job's life leaves the same end, nothing twice and nothing behind`, async () => {
    const random = randomFrom(20_261_124);
    let at = 0;
    /** Starts operators and kills them, until something holds and the planned number of kills is reached. */
    const through = async (what: string, upTo: number, holds: () => Promise<boolean>): Promise<void> => {
      for (;;) {
        const operator = await startOperator(world.cluster, {
          nats: world.nats,
          environment: { DISTILLERY_LEASE_SECONDS: '3' },
        });
        if (at >= upTo) {
          await until(what, holds);
          await operator.process.kill();
          at += 1;
          return;
        }
        await sleep(random.unit() * 1_500);
        await operator.process.kill();
        at += 1;
      }
    };
    const patch = (spec: object): Promise<string> =>
      world.cluster.kubectlOk(['patch', 'distilljob', 'killed', '--type=merge', '-p', JSON.stringify({ spec })]);

    await world.cluster.apply(someJob({ name: 'killed', pools: gpus(3), spec: { ttlSecondsAfterFinished: 3_600 } }));
    const uid = await world.uidOf('killed');
    const count = async (teachers: number, students: number): Promise<boolean> => {
      const [fleet, student] = await Promise.all([world.pods(uid, 'teacher'), world.running(uid, 'student')]);
      return fleet.length === teachers && student.length === students;
    };
    await through('it runs', 12, () => count(3, 1));
    expect(await world.streams(uid)).toMatchObject({ state: 'Present', missing: [] });
    await patch({ suspend: true });
    await through(
      'it is suspended',
      24,
      async () => (await count(0, 0)) && (await world.condition('killed', 'Suspended')).startsWith('True'),
    );
    await patch({ suspend: false });
    await through('it runs again', 36, () => count(3, 1));
    const names = await world.owned(uid);
    expect(
      names.filter((name) => /^(deployment|job|configmap|secret|serviceaccount|networkpolicy)/.test(name)).sort(),
    ).toEqual([
      `configmap/killed-distill-${uid}`,
      'deployment.apps/killed-teacher-gpu',
      'job.batch/killed-student',
      'networkpolicy.networking.k8s.io/killed-distill',
      `secret/killed-distill-${uid}`,
      'serviceaccount/killed-distill',
    ]);
    const [student] = await world.running(uid, 'student');
    await world.cluster.endPod('default', student!.name, { exitCode: 0 });
    await through(
      'it is complete',
      44,
      async () => (await world.condition('killed', 'Complete')) === 'True AllStepsTrained' && (await count(0, 0)),
    );
    await world.cluster.kubectlOk(['delete', 'distilljob', 'killed', '--wait=false']);
    await through('it is gone', kills, async () => (await world.job('killed')) === null);
    expect(at).toBeGreaterThanOrEqual(kills);
    await until('nothing of it', async () => (await world.owned(uid)).length === 0);
    expect((await world.streams(uid)).state).toBe('Absent');
  });
});
