/**
 * The history of a job of a cluster: a real control plane, real streams, an operator that is killed and replaced, and the
 * report that `distill report` makes of it as a person with few rights.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { accessFromSecret, jobNames, workerExitCodes } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { inputsName } from '../../../src/api/index.js';
import { type History, linesOf, readHistory } from '../../../src/history/index.js';
import { until } from '../../kit/cluster/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { OperatorCluster } from '../../kit/cluster/operator-cluster.js';
import { type RunningOperator, startOperator } from '../../kit/cluster/operator.js';
import { publishStates } from '../../kit/cluster/telemetry-publisher.js';
import { DistillProcess } from '../../kit/distill.js';
import { connectPlain } from '../../kit/stream.js';
import { exitOf, smallManifest, type WorkerAccess, WorkerPair } from '../../kit/worker-pair.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-history-'));
let world: OperatorCluster;
let operator: RunningOperator;
let uid = '';
beforeAll(async () => {
  world = await OperatorCluster.create();
  await world.cluster.addNodes(2, { gpus: 4 });
  operator = await startOperator(world.cluster, { nats: world.nats });
  await world.cluster.apply(
    someJob({ name: 'mnist', pools: [{ name: 'gpu', resource: 'nvidia.com/gpu', minReplicas: 2, maxReplicas: 2 }] }),
  );
  uid = await world.uidOf('mnist');
  await world.provisioned(uid);
});
afterAll(async () => {
  await world.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Publishes telemetry of a student at rising steps until the condition holds. */
async function trainUntil(attempt: number, from: number, holds: (history: History) => boolean): Promise<number> {
  const connection = await connectPlain(world.nats, world.nats.rootOf('default'));
  let step = from;
  try {
    await until('the history to hold it', async () => {
      step += 10;
      const teachers = (await world.running(uid, 'teacher')).map(
        ({ name }) => [name, { samplesPerSecond: 75 }] as const,
      );
      publishStates(
        connection,
        uid,
        {
          attempt,
          step,
          steps: 1_000_000,
          loss: 1 / step,
          samplesPerSecond: 120,
          buffer: { frames: step % 7, bytes: 1 },
        },
        Object.fromEntries(teachers),
      );
      const history = await stored(uid);
      return history !== null && holds(history);
    });
  } finally {
    await connection.close();
  }
  return step;
}

async function stored(uid: string): Promise<History | null> {
  const admin = await world.home.adminOf('default');
  return readHistory((await admin.readHistory(uid)).text, uid);
}

const stepsOf = (history: History): readonly number[] => linesOf(history.lines, 'sample').map(({ step }) => step);

/** As a person with the rights of `report` in docs/command.md. */
async function reported(name = 'mnist'): Promise<{ readonly page: string; readonly said: string }> {
  const output = join(folder, `${name}.html`);
  const { cluster, nats } = world;
  const command = new DistillProcess([
    'report',
    name,
    '-n',
    'default',
    '--kubeconfig',
    cluster.kubeconfig,
    '--nats',
    nats.url,
    '-o',
    output,
  ]);
  expect([await command.ended(), command.stderr]).toEqual([0, '']);
  return { page: readFileSync(output, 'utf8'), said: command.plain.join('\n') };
}

describe('a job of a cluster', () => {
  let last = 0;

  test('keeps rates, the buffer, teachers and their reasons over time', async () => {
    last = await trainUntil(
      1,
      0,
      (history) => stepsOf(history).length >= 3 && linesOf(history.lines, 'phase').length >= 2,
    );
    const { lines } = (await stored(uid))!;
    expect(linesOf(lines, 'teachers').at(-1)).toMatchObject({ pool: 'gpu', ready: 2, desired: 2 });
    expect(linesOf(lines, 'sample').at(-1)).toMatchObject({ samplesPerSecond: 120 });
    expect(linesOf(lines, 'phase').map(({ phase }) => phase)).toEqual(['Pending', 'Running']);
    expect(linesOf(lines, 'event').map(({ reason }) => reason)).toContain('TeachersScaled');
  });

  test('goes on with it under the next operator and the next attempt of its student', async () => {
    const before = (await stored(uid))!;
    await operator.process.kill();
    operator = await startOperator(world.cluster, { nats: world.nats });
    last = await trainUntil(2, last, (history) => (stepsOf(history).at(-1) ?? 0) > last + 50);
    const { lines } = (await stored(uid))!;
    expect(lines.slice(0, before.lines.length)).toEqual(before.lines);
    expect(linesOf(lines, 'phase').map(({ phase }) => phase)).toEqual(['Pending', 'Running']);
  });

  test('has the curves of a local run in its report', async () => {
    const { page, said } = await reported();
    for (const id of ['loss', 'throughput', 'waiting', 'buffer', 'teachers']) expect(page).toContain(`id="${id}"`);
    expect(said).toContain('missing   the exact losses and scores of each step;');
    expect(said).not.toContain('curves of');
  });

  test('shows a suspension as a mark, and no running time while it rests', async () => {
    const patch = (suspend: boolean): Promise<string> =>
      world.cluster.kubectlOk([
        'patch',
        'distilljob',
        'mnist',
        '--type=merge',
        '-p',
        JSON.stringify({ spec: { suspend } }),
      ]);
    await patch(true);
    await until('the suspension in the history', async () =>
      linesOf((await stored(uid))?.lines ?? [], 'phase').some(({ phase }) => phase === 'Suspended'),
    );
    expect((await reported()).page).toContain('Suspended: ');
    await patch(false);
    last = await trainUntil(3, last, (history) => linesOf(history.lines, 'phase').at(-1)?.phase === 'Running');
  });

  test('takes it along when it is deleted', async () => {
    await world.cluster.kubectlOk(['delete', 'distilljob', 'mnist']);
    const admin = await world.home.adminOf('default');
    await until('its streams to be gone', async () => (await admin.observe(uid)).state === 'Absent');
    expect((await admin.listStreams()).filter(({ name }) => name.includes(jobNames(uid).uid))).toEqual([]);
  });
});

describe('a job whose workers really train', () => {
  /** As its pods would log in. */
  async function accessOf(job: string, ofJob: string, role: 'teacher' | 'student'): Promise<WorkerAccess> {
    const path = `/api/v1/namespaces/default/secrets/${inputsName(job, ofJob)}`;
    const { data } = await world.cluster.api.get<{ data: Readonly<Record<string, string>> }>(path);
    const decoded = Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()] as const);
    const access = accessFromSecret(Object.fromEntries(decoded), role);
    if (access?.kind !== 'creds') throw new Error('the Secret of the job holds no credentials');
    return access;
  }

  test('has every curve of its training in its report, also after its end', async () => {
    const name = 'real';
    const pools = [{ name: 'gpu', resource: 'nvidia.com/gpu', minReplicas: 1, maxReplicas: 1 }];
    await world.cluster.apply(someJob({ name, pools }));
    const ofJob = await world.uidOf(name);
    await world.provisioned(ofJob);
    await until('its pods', async () => {
      const found = await Promise.all((['teacher', 'student'] as const).map((role) => world.running(ofJob, role)));
      return found.every(({ length }) => length === 1);
    });
    const pod = async (role: 'teacher' | 'student'): Promise<string> =>
      (await world.running(ofJob, role))[0]?.name ?? '';
    const workers = new WorkerPair(folder, smallManifest(folder, 4_000, { uid: ofJob, namespace: 'default', name }));
    try {
      workers.start('teacher', await accessOf(name, ofJob, 'teacher'), await pod('teacher'));
      const student = workers.start('student', await accessOf(name, ofJob, 'student'), await pod('student'));
      expect(await exitOf(student)).toBe(workerExitCodes.done);
    } finally {
      workers.kill();
    }
    await world.cluster.endPod('default', await pod('student'), { exitCode: workerExitCodes.done });
    await until('its end in the history', async () =>
      linesOf((await stored(ofJob))?.lines ?? [], 'phase').some(({ phase }) => phase === 'Succeeded'),
    );
    const { lines } = (await stored(ofJob))!;
    expect(linesOf(lines, 'runtime').map(({ role }) => role)).toEqual(expect.arrayContaining(['student', 'teacher']));
    expect(linesOf(lines, 'sample').at(-1)).toMatchObject({ step: 126 });
    const { page, said } = await reported(name);
    expect(said).not.toContain('missing');
    for (const id of ['loss', 'scores', 'throughput', 'waiting', 'buffer', 'teachers'])
      expect(page).toContain(`id="${id}"`);
  });
});
