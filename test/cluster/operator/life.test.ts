/**
 * A job's life as Kubernetes sees it, from apply to the last trace of it: a real control plane, real streams, pods that
 * kwok answers for. What pods do inside is the real-pods suite's.
 */
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';

import type { DistillJobStatus } from '../../../src/api/index.js';
import { connectStreams, type StreamAdmin } from '../../../src/stream/index.js';
import { type ControlPlane, repositoryRoot, startControlPlane, until } from '../../kit/cluster/index.js';
import { someJob, teacherPriorityClass } from '../../kit/cluster/jobs.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';

jest.setTimeout(180_000);

let cluster: ControlPlane;
let nats: OperatorNats;
let admin: StreamAdmin;
let operator: RunningOperator;

beforeAll(async () => {
  [cluster, nats] = await Promise.all([startControlPlane({ audit: 'Metadata' }), startOperatorNats()]);
  await cluster.installCrd(join(repositoryRoot, 'crds/distilljobs.yaml'));
  await cluster.apply(teacherPriorityClass);
  await cluster.addNodes(2, { gpus: 4 });
  operator = await startOperator(cluster, { nats });
  admin = await connectStreams({ url: nats.url, creds: nats.operatorCreds, waitMs: 5_000 });
}, 900_000);
afterAll(async () => {
  await admin.close();
  await cluster.stop();
  await nats.stop();
});

interface Job {
  readonly metadata: { readonly uid: string; readonly generation: number; readonly finalizers?: string[] };
  readonly status?: DistillJobStatus;
}

async function job(name: string): Promise<Job | null> {
  const { status, text } = await cluster.api.send(
    'GET',
    `/apis/distillery.dev/v1alpha1/namespaces/default/distilljobs/${name}`,
  );
  return status === 404 ? null : (JSON.parse(text) as Job);
}

async function reason(name: string, type: string): Promise<string> {
  const found = (await job(name))?.status?.conditions?.find((condition) => condition.type === type);
  return found === undefined ? '' : `${found.status} ${found.reason}`;
}

/** Everything in the namespace that carries the job's label, as KIND/NAME. */
async function owned(uid: string): Promise<string[]> {
  const kinds = 'deployments,replicasets,jobs,pods,configmaps,secrets,serviceaccounts,networkpolicies';
  const found = await cluster.kubectlOk(['get', kinds, '-A', '-l', `distillery.dev/job-uid=${uid}`, '-o', 'name']);
  return found.split('\n').filter((line) => line !== '');
}

async function pods(uid: string, component: string): Promise<{ name: string; phase: string }[]> {
  const selector = encodeURIComponent(`distillery.dev/job-uid=${uid},app.kubernetes.io/component=${component}`);
  const { items } = await cluster.api.get<{ items: { metadata: { name: string }; status: { phase: string } }[] }>(
    `/api/v1/namespaces/default/pods?labelSelector=${selector}`,
  );
  return items.map(({ metadata, status }) => ({ name: metadata.name, phase: status.phase }));
}

describe('a job', () => {
  let uid = '';

  test('gets its streams, its student and as many teachers as slots are free', async () => {
    await cluster.apply(
      someJob({ name: 'mnist', pools: [{ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 6 }] }),
    );
    uid = (await job('mnist'))!.metadata.uid;
    await until('the student and six teachers to run', async () => {
      const all = [...(await pods(uid, 'student')), ...(await pods(uid, 'teacher'))];
      return all.filter(({ phase }) => phase === 'Running').length === 7;
    });
    expect(await admin.observe(uid)).toMatchObject({ state: 'Present', missing: [] });
    expect(await reason('mnist', 'Accepted')).toBe('True Valid');
    const found = await job('mnist');
    expect(found?.status).toMatchObject({ phase: 'Pending', observedGeneration: 1, teachers: { desired: 6 } });
    expect(found?.metadata.finalizers).toEqual(['distillery.dev/streams']);
  });

  test('tells its story in Events', async () => {
    await until('the story', async () =>
      (await cluster.kubectlOk(['describe', 'distilljob', 'mnist'])).includes('TeachersScaled'),
    );
    const story = await cluster.kubectlOk(['describe', 'distilljob', 'mnist']);
    expect(story).toMatch(/Accepted .*The job is valid; its streams are being created/);
    expect(story).toMatch(/TeachersScaled .*Pool gpu: 0 → 6 teachers \(to fill the window\)/);
  });

  test('comes to rest: nothing is written any more', async () => {
    await until('a second without a write of the operator', async () => {
      const before = await writes();
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      return (await writes()) === before;
    });
  });

  test('is put right when somebody scales or deletes what it owns', async () => {
    await cluster.kubectlOk(['scale', 'deployment', 'mnist-teacher-gpu', '--replicas=1']);
    await until('six teachers again', async () => (await pods(uid, 'teacher')).length === 6);
    await cluster.kubectlOk(['delete', 'networkpolicy', 'mnist-distill']);
    await until('the policy again', async () => (await owned(uid)).some((name) => name.startsWith('networkpolicy')));
    await cluster.kubectlOk(['delete', 'deployment', 'mnist-teacher-gpu']);
    await until('the deployment again', async () => (await pods(uid, 'teacher')).length === 6);
  });

  test('that is suspended gives every slot back, and goes on when it is resumed', async () => {
    await cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', '{"spec":{"suspend":true}}']);
    await until(
      'no pod of it',
      async () => (await pods(uid, 'teacher')).length + (await pods(uid, 'student')).length === 0,
    );
    await until('the condition', async () => (await reason('mnist', 'Suspended')) === 'True SuspendRequested');
    expect((await job('mnist'))?.status?.phase).toBe('Suspended');
    await cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', '{"spec":{"suspend":false}}']);
    await until(
      'its pods again',
      async () => (await pods(uid, 'teacher')).length === 6 && (await pods(uid, 'student')).length === 1,
    );
  });

  test('takes changes of its pools and weight while it runs, without a new student', async () => {
    const [student] = await pods(uid, 'student');
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
    await cluster.kubectlOk(['patch', 'distilljob', 'mnist', '--type=merge', '-p', JSON.stringify({ spec })]);
    await until(
      'the new pools',
      async () => (await pods(uid, 'teacher')).filter(({ phase }) => phase === 'Running').length === 3,
    );
    expect((await pods(uid, 'student')).map(({ name }) => name)).toEqual([student!.name]);
    await cluster.kubectlOk([
      'patch',
      'distilljob',
      'mnist',
      '--type=merge',
      '-p',
      '{"spec":{"teacher":{"pools":[{"name":"cpu","maxReplicas":1}]}}}',
    ]);
    await until(
      'one pool',
      async () => (await owned(uid)).filter((name) => name.startsWith('deployment')).length === 1,
    );
  });

  test('refuses a change of what decides its result, with a sentence', async () => {
    const { code, stderr } = await cluster.kubectl([
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

  test('whose student fails by itself is charged, and fails with the last sentence after backoffLimit', async () => {
    await cluster.apply(someJob({ name: 'poor', spec: { backoffLimit: 0 }, pools: [{ name: 'cpu', maxReplicas: 1 }] }));
    const poor = (await job('poor'))!.metadata.uid;
    await until('its student', async () => (await pods(poor, 'student')).some(({ phase }) => phase === 'Running'));
    const [student] = await pods(poor, 'student');
    await cluster.endPod('default', student!.name, { exitCode: 1, message: 'the loss is not a number' });
    await until('the job to fail', async () => (await reason('poor', 'Failed')) === 'True BackoffLimitExceeded');
    const failed = (await job('poor'))?.status?.conditions?.find(({ type }) => type === 'Failed');
    expect(failed?.message).toContain('the loss is not a number');
    await until('its slots to be given back', async () => (await pods(poor, 'teacher')).length === 0);
    await cluster.kubectlOk(['delete', 'distilljob', 'poor', '--timeout=60s']);
    await until('nothing of it', async () => (await owned(poor)).length === 0);
  });

  test('whose student is disrupted is not charged', async () => {
    const [student] = await pods(uid, 'student');
    await cluster.endPod('default', student!.name, { exitCode: 137, reason: 'OOMKilled' });
    await until('another student', async () =>
      (await pods(uid, 'student')).some(({ name, phase }) => name !== student!.name && phase === 'Running'),
    );
    const [, second] = (await pods(uid, 'student')).toSorted((a) => (a.name === student!.name ? -1 : 1));
    await cluster.endPod('default', second!.name, { exitCode: 143, disrupted: true });
    await until(
      'a third',
      async () => (await pods(uid, 'student')).filter(({ phase }) => phase === 'Running').length === 1,
    );
    expect((await job('mnist'))?.status).toMatchObject({ failures: 0 });
    expect(await reason('mnist', 'Failed')).toBe('False NotFailed');
  });

  test('waits for NATS when it is deleted without, and says so; then leaves nothing behind', async () => {
    await nats.kill();
    await cluster.kubectlOk(['delete', 'distilljob', 'mnist', '--wait=false']);
    await until('the condition', async () => (await reason('mnist', 'Progressing')) === 'False StreamsUnreachable');
    expect(await pods(uid, 'teacher')).toEqual([]);
    const { text } = await operator.ask('/readyz');
    expect(text).toMatch(/\[~\] nats: /);
    await nats.restart();
    await until('the job to be gone', async () => (await job('mnist')) === null);
    await until('nothing of it', async () => (await owned(uid)).length === 0);
    await until('no stream', async () => (await admin.observe(uid)).state === 'Absent');
  });

  test('is let go without its streams by an annotation', async () => {
    await cluster.apply(someJob({ name: 'forced', pools: [{ name: 'cpu', maxReplicas: 1 }] }));
    const forced = (await job('forced'))!.metadata.uid;
    await until('its student', async () => (await pods(forced, 'student')).some(({ phase }) => phase === 'Running'));
    await nats.kill();
    await cluster.kubectlOk(['delete', 'distilljob', 'forced', '--wait=false']);
    await until('the condition', async () => (await reason('forced', 'Progressing')) === 'False StreamsUnreachable');
    await cluster.kubectlOk(['annotate', 'distilljob', 'forced', 'distillery.dev/force-delete=true']);
    await until('the job to be gone', async () => (await job('forced')) === null);
    await nats.restart();
    // They stay behind, as was said.
    await until('NATS to answer', async () => (await admin.observe(forced)).state === 'Present');
  });

  test('is deleted with all it owns when its time after the end is over', async () => {
    await cluster.apply(
      someJob({ name: 'short', spec: { ttlSecondsAfterFinished: 1 }, pools: [{ name: 'cpu', maxReplicas: 1 }] }),
    );
    const short = (await job('short'))!.metadata.uid;
    await until('its student', async () => (await pods(short, 'student')).some(({ phase }) => phase === 'Running'));
    const [student] = await pods(short, 'student');
    await cluster.endPod('default', student!.name, { exitCode: 0 });
    await until('the job to be gone', async () => (await job('short')) === null);
    await until('nothing of it', async () => (await owned(short)).length === 0);
    expect((await admin.observe(short)).state).toBe('Absent');
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

async function writes(): Promise<number> {
  const events = await cluster.audit.events();
  return events.filter(
    ({ userAgent, verb, objectRef }) =>
      userAgent === 'distillery-operator' &&
      !['get', 'list', 'watch'].includes(verb) &&
      objectRef?.resource !== 'leases',
  ).length;
}
