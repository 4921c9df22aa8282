/**
 * A job's life as Kubernetes sees it, from apply to the last trace of it: a real control plane, real streams, pods that
 * kwok answers for. What pods do inside is the real-pods suite's.
 */
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { type StoredJob, OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { canTrace, contactsIn, strace, traceContactsBeside } from '../../kit/strace.js';

const canSee = await canTrace();

let world: OperatorCluster;
let operator: RunningOperator;
const job = (name: string): Promise<StoredJob | null> => world.job(name);
const reason = (name: string, type: string): Promise<string> => world.condition(name, type);
/** Resolves after a while without a write of the operator. */
async function rest(): Promise<void> {
  await until('a second without a write of the operator', async () => {
    const before = await world.operatorWrites();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    return (await world.operatorWrites()) === before;
  });
}

beforeAll(async () => {
  world = await OperatorCluster.create({ audit: 'Metadata' });
  await world.cluster.addNodes(2, { gpus: 4 });
  operator = await startOperator(world.cluster, { nats: world.nats });
});
afterAll(async () => {
  await world.close();
});

describe('a job', () => {
  let uid = '';

  test('gets its streams, its student and its teachers', async () => {
    await world.cluster.apply(
      someJob({ name: 'mnist', pools: [{ name: 'gpu', resource: 'nvidia.com/gpu', minReplicas: 6, maxReplicas: 6 }] }),
    );
    uid = (await job('mnist'))!.metadata.uid;
    await until('the student and six teachers to run', async () => {
      const all = [...(await world.pods(uid, 'student')), ...(await world.pods(uid, 'teacher'))];
      return all.filter(({ phase }) => phase === 'Running').length === 7;
    });
    expect(await world.streams(uid)).toMatchObject({ state: 'Present', missing: [] });
    expect(await reason('mnist', 'Accepted')).toBe('True Valid');
    const found = await job('mnist');
    expect(found?.status).toMatchObject({ phase: 'Pending', observedGeneration: 1, teachers: { desired: 6 } });
    expect(found?.metadata.finalizers).toEqual(['distillery.dev/streams']);
  });

  test('tells its story in Events', async () => {
    await until('the story', async () =>
      (await world.cluster.kubectlOk(['describe', 'distilljob', 'mnist'])).includes('TeachersScaled'),
    );
    const story = await world.cluster.kubectlOk(['describe', 'distilljob', 'mnist']);
    expect(story).toMatch(/Accepted .*The job is valid; its streams are being created/);
    expect(story).toMatch(/TeachersScaled .*Pool gpu: 0 → 6 teachers \(to fill the window\)/);
  });

  test('comes to rest: no more writes', async () => {
    await rest();
  });

  test('is repaired when a user scales or deletes its objects', async () => {
    await world.cluster.kubectlOk(['scale', 'deployment', 'mnist-teacher-gpu', '--replicas=1']);
    await until('six teachers again', async () => (await world.pods(uid, 'teacher')).length === 6);
    await world.cluster.kubectlOk(['delete', 'networkpolicy', 'mnist-distill']);
    await until('the policy again', async () =>
      (await world.owned(uid)).some((name) => name.startsWith('networkpolicy')),
    );
    await world.cluster.kubectlOk(['delete', 'deployment', 'mnist-teacher-gpu']);
    await until('the deployment again', async () => (await world.pods(uid, 'teacher')).length === 6);
  });

  test('that is suspended releases every slot, and continues when it is resumed', async () => {
    await world.cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await until(
      'no pod of it',
      async () => (await world.pods(uid, 'teacher')).length + (await world.pods(uid, 'student')).length === 0,
    );
    await until('the condition', async () => (await reason('mnist', 'Suspended')) === 'True SuspendRequested');
    expect((await job('mnist'))?.status?.phase).toBe('Suspended');
    await world.cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', '{"spec":{"suspend":false}}']);
    await until(
      'its pods again',
      async () => (await world.pods(uid, 'teacher')).length === 6 && (await world.pods(uid, 'student')).length === 1,
    );
  });

  test('accepts changes of its pools and weight while it runs, without a new student', async () => {
    const [student] = await world.pods(uid, 'student');
    const spec = {
      teacher: {
        pools: [
          { name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 2 },
          { name: 'cpu', maxReplicas: 1 },
        ],
      },
      weight: 3,
      ttlSecondsAfterFinished: 60,
    };
    await world.cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', JSON.stringify({ spec })]);
    await until(
      'the new pools',
      async () => (await world.pods(uid, 'teacher')).filter(({ phase }) => phase === 'Running').length === 3,
    );
    expect((await world.pods(uid, 'student')).map(({ name }) => name)).toEqual([student!.name]);
    await world.cluster.kubectlOk([
      'patch',
      'distilljob',
      'mnist',
      '--type=merge',
      '-p',
      '{"spec":{"teacher":{"pools":[{"name":"cpu","maxReplicas":1}]}}}',
    ]);
    await until(
      'one pool',
      async () => (await world.owned(uid)).filter((name) => name.startsWith('deployment')).length === 1,
    );
  });

  test('replaces the teachers of a pool whose template changes, and counts none of them as lost', async () => {
    const before = await world.pods(uid, 'teacher');
    const lost = (await job('mnist'))?.status?.disruptions?.teacher ?? 0;
    const template = { metadata: { annotations: { team: 'vision' } } };
    const spec = { teacher: { pools: [{ name: 'cpu', maxReplicas: 1, template }] } };
    await world.cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', JSON.stringify({ spec })]);
    await until('another teacher', async () => {
      const [teacher, ...others] = await world.pods(uid, 'teacher');
      const isNew = before.every(({ name }) => name !== teacher?.name);
      return isNew && others.length === 0 && teacher?.phase === 'Running';
    });
    // The status that tells of the new teacher would tell of the lost one.
    await rest();
    expect((await job('mnist'))?.status?.disruptions?.teacher ?? 0).toBe(lost);
  });

  test('refuses a change of fields that determine its result, with a message', async () => {
    const { code, stderr } = await world.cluster.kubectl([
      'patch',
      'distilljob',
      'mnist',
      '--type=merge',
      '-p',
      '{"spec":{"training":{"seed":2}}}',
    ]);
    expect(code).not.toBe(0);
    expect(stderr).toContain('training is immutable, since it decides every step; make a new job');
  });

  test('whose student fails by itself is charged, and fails with the last message after backoffLimit', async () => {
    await world.cluster.apply(
      someJob({ name: 'poor', spec: { backoffLimit: 0 }, pools: [{ name: 'cpu', maxReplicas: 1 }] }),
    );
    const poor = (await job('poor'))!.metadata.uid;
    await until('its student', async () =>
      (await world.pods(poor, 'student')).some(({ phase }) => phase === 'Running'),
    );
    const [student] = await world.pods(poor, 'student');
    await world.cluster.endPod('default', student!.name, { exitCode: 1, message: 'the loss is not a number' });
    await until('the job to fail', async () => (await reason('poor', 'Failed')) === 'True BackoffLimitExceeded');
    const failed = (await job('poor'))?.status?.conditions?.find(({ type }) => type === 'Failed');
    expect(failed?.message).toContain('the loss is not a number');
    await until('its slots to be given back', async () => (await world.pods(poor, 'teacher')).length === 0);
    await world.cluster.kubectlOk(['delete', 'distilljob', 'poor', '--timeout=60s']);
    await until('nothing of it', async () => (await world.owned(poor)).length === 0);
  });

  test('whose student is disrupted is not charged', async () => {
    const [student] = await world.pods(uid, 'student');
    await world.cluster.endPod('default', student!.name, { exitCode: 137, reason: 'OOMKilled' });
    await until('another student', async () =>
      (await world.pods(uid, 'student')).some(({ name, phase }) => name !== student!.name && phase === 'Running'),
    );
    const [, second] = (await world.pods(uid, 'student')).toSorted((a) => (a.name === student!.name ? -1 : 1));
    await world.cluster.endPod('default', second!.name, { exitCode: 143, disrupted: 'EvictionByEvictionAPI' });
    await until(
      'a third',
      async () => (await world.pods(uid, 'student')).filter(({ phase }) => phase === 'Running').length === 1,
    );
    expect((await job('mnist'))?.status).toMatchObject({ failures: 0 });
    expect(await reason('mnist', 'Failed')).toBe('False NotFailed');
  });

  test('that is deleted while NATS is away waits for NATS, says so, and then leaves nothing behind', async () => {
    await world.nats.kill();
    await world.cluster.kubectlOk(['delete', 'distilljob', 'mnist', '--wait=false']);
    await until('the condition', async () => (await reason('mnist', 'Progressing')) === 'False StreamsUnreachable');
    expect(await world.pods(uid, 'teacher')).toEqual([]);
    const { text } = await operator.ask('/readyz');
    expect(text).toMatch(/\[~\] nats: /);
    await world.nats.restart();
    await until('the job to be gone', async () => (await job('mnist')) === null);
    await until('nothing of it', async () => (await world.owned(uid)).length === 0);
    await until('no stream', async () => (await world.streams(uid)).state === 'Absent');
  });

  test('is released without its streams by an annotation', async () => {
    await world.cluster.apply(someJob({ name: 'forced', pools: [{ name: 'cpu', maxReplicas: 1 }] }));
    const forced = (await job('forced'))!.metadata.uid;
    await until('its student', async () =>
      (await world.pods(forced, 'student')).some(({ phase }) => phase === 'Running'),
    );
    await world.nats.kill();
    await world.cluster.kubectlOk(['delete', 'distilljob', 'forced', '--wait=false']);
    await until('the condition', async () => (await reason('forced', 'Progressing')) === 'False StreamsUnreachable');
    await world.cluster.kubectlOk(['annotate', 'distilljob', 'forced', 'distillery.dev/force-delete=true']);
    await until('the job to be gone', async () => (await job('forced')) === null);
    await world.nats.restart();
    // They stay behind, as was said.
    await until('NATS to answer', async () => (await world.streams(forced)).state === 'Present');
  });

  test('is deleted with all its objects after ttlSecondsAfterFinished', async () => {
    await world.cluster.apply(
      someJob({ name: 'short', spec: { ttlSecondsAfterFinished: 1 }, pools: [{ name: 'cpu', maxReplicas: 1 }] }),
    );
    const short = (await job('short'))!.metadata.uid;
    await until('its student', async () =>
      (await world.pods(short, 'student')).some(({ phase }) => phase === 'Running'),
    );
    const [student] = await world.pods(short, 'student');
    await world.cluster.endPod('default', student!.name, { exitCode: 0 });
    await until('the job to be gone', async () => (await job('short')) === null);
    await until('nothing of it', async () => (await world.owned(short)).length === 0);
    expect((await world.streams(short)).state).toBe('Absent');
  });

  test('leaves the operator ready, and ending within ten seconds', async () => {
    expect(await operator.ask('/livez')).toMatchObject({ status: 200 });
    expect((await operator.ask('/readyz')).status).toBe(200);
    const { text } = await operator.ask('/metrics');
    expect(text).toContain('distillery_leader 1');
    // One that takes longer is killed, and has no exit code.
    expect(await operator.process.stop(10_000)).toEqual({ code: 0, signal: null });
  });
});

describe('the process of an operator that runs a job', () => {
  (canSee ? test : test.skip)(
    'contacts the API server and NATS alone, asks no name server, and leaves no file',
    async () => {
      // One of them leads.
      await operator.process.stop(10_000);
      const folder = join(world.cluster.folder, 'traced');
      const [home, temporary] = [join(folder, 'home'), join(folder, 'tmp')];
      for (const each of [home, temporary]) mkdirSync(each, { recursive: true });
      const trace = join(folder, 'trace');
      const traced = await startOperator(world.cluster, {
        nats: world.nats,
        environment: { HOME: home, TMPDIR: temporary },
        under: { command: strace, args: traceContactsBeside(trace) },
      });
      await world.cluster.apply(someJob({ name: 'traced', pools: [{ name: 'cpu', maxReplicas: 1 }] }));
      const { uid } = (await job('traced'))!.metadata;
      await until('its student', async () =>
        (await world.pods(uid, 'student')).some(({ phase }) => phase === 'Running'),
      );
      await traced.ask('/metrics');
      await world.cluster.kubectlOk(['delete', 'distilljob', 'traced', '--wait=false']);
      await until('the job to be gone', async () => (await job('traced')) === null);
      expect(await traced.process.stop(10_000)).toEqual({ code: 0, signal: null });

      const [, server = ''] = /server"?: "?(https:[^"\s]+)/.exec(readFileSync(world.cluster.kubeconfig, 'utf8')) ?? [];
      const wanted = [server, world.nats.url].map((url) => new URL(url).host).sort();
      await until('the end of the trace', async () => (await contactsIn(trace)).length >= wanted.length);
      expect((await contactsIn(trace)).sort()).toEqual(wanted);
      for (const each of [home, temporary]) expect(readdirSync(each, { recursive: true })).toEqual([]);
    },
  );
});
