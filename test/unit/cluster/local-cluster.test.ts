/** The local cluster over real child processes: what they are given, how they are replaced, and that none is left. */
import { once } from 'node:events';
import { readFileSync, statSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { systemClock } from '@distillery/platform';
import { afterEach, describe, expect, test } from '@jest/globals';

import type { DistillJob } from '../../../src/api/index.js';
import { LocalCluster } from '../../../src/cluster/local/index.js';
import { oneSlot } from '../../../src/cluster/local/machine.js';
import type { ClusterObservation } from '../../../src/domain/index.js';
import { JobMaker } from '../../kit/snapshots.js';
import { isAlive, spawnTypeScript } from '../../kit/typescript.js';
import { WorkerScripts } from './worker-scripts.js';
import { until } from '../../kit/until.js';

const key = { namespace: 'default', name: 'mnist', uid: 'u-1' };
const url = 'nats://127.0.0.1:4222';
const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const jobOf = (...pools: string[]): DistillJob => new JobMaker().pools(...pools.map((name) => ({ name }))).job;

function clusterOf(workers: WorkerScripts, slots = 2) {
  cleanups.push(() => workers.remove());
  const { folder, scripts } = workers;
  const environment = { PATH: '/usr/bin', GREETING: 'hello' };
  const cluster = new LocalCluster({ folder, slots, scripts, environment, clock: systemClock });
  cleanups.push(() => cluster.remove());
  const keys: string[] = [];
  cluster.onChange(({ uid }) => keys.push(uid));
  const apply = (
    pools: Record<string, number>,
    student: 'Run' | 'Stop' = 'Stop',
    backoffLimit = 6,
  ): Promise<'Applied' | 'Refused'> => {
    const { job } = new JobMaker().backoffLimit(backoffLimit);
    const plan = { pools: Object.entries(pools).map(([name, replicas]) => ({ name, replicas, leave: [] })), student };
    return cluster.apply(key, job, plan, (role) =>
      Promise.resolve(
        role === 'teacher'
          ? { kind: 'password', url, user: 'teacher', password: 'of-teachers' }
          : { kind: 'password', url, user: 'student', password: 'of-the-student' },
      ),
    );
  };
  let latest: ClusterObservation;
  /** Waits until what is observed of the pools named here fulfills a condition. */
  const sees = async (
    what: string,
    holds: (seen: ClusterObservation) => boolean,
    ...names: string[]
  ): Promise<void> => {
    const job = jobOf(...(names.length === 0 ? ['cpu'] : names));
    latest = await cluster.observe(key, job);
    await until(what, () => {
      void cluster.observe(key, job).then((seen) => (latest = seen));
      return holds(latest);
    });
  };
  return { cluster, apply, sees, keys, latest: () => latest };
}

const ready = (workers: WorkerScripts, pod: string) => (): boolean => readLog(workers, pod).includes('ready');

function readLog(workers: WorkerScripts, pod: string): string {
  try {
    return readFileSync(workers.file('logs', `${pod}.log`), 'utf8');
  } catch {
    return '';
  }
}

/** Processes that could be started now. */
function freeOn(cluster: LocalCluster): number {
  const { placement } = cluster.slots();
  let free = 0;
  while (placement.place(oneSlot) !== null) free++;
  return free;
}

describe('workers', () => {
  test('get the job, their own password in a file, and nothing else', async () => {
    const workers = new WorkerScripts();
    const { apply } = clusterOf(workers);
    await apply({ cpu: 1 }, 'Run');
    await until('both run', () => ready(workers, 'cpu-0')() && ready(workers, 'student-1')());

    const [teacher] = workers.notes('teacher');
    expect(teacher?.environment).toMatchObject({
      GREETING: 'hello',
      DISTILL_MANIFEST: workers.file('job', 'manifest.json'),
      DISTILL_NATS_URL: url,
      DISTILL_NATS_USER: 'teacher',
      DISTILL_NATS_PASSWORD_FILE: workers.file('job', 'teacher.password'),
      DISTILL_POD: 'cpu-0',
      DISTILL_POOL: 'cpu',
      DISTILL_FOLDER: workers.folder,
      DISTILL_OWNER_PIPE: '1',
    });
    const [student] = workers.notes('student');
    expect(student?.environment).toMatchObject({ DISTILL_NATS_USER: 'student', DISTILL_POD: 'student-1' });
    for (const note of [teacher, student]) {
      expect(JSON.stringify(note)).not.toMatch(/of-teachers|of-the-student/);
      // Our own environment stays with us.
      expect(note?.environment.HOME).toBeUndefined();
    }
    for (const [role, password] of [
      ['teacher', 'of-teachers'],
      ['student', 'of-the-student'],
    ] as const) {
      const file = workers.file('job', `${role}.password`);
      expect(readFileSync(file, 'utf8')).toBe(password);
      expect(statSync(file).mode & 0o777).toBe(0o600);
    }
    expect(JSON.parse(readFileSync(workers.file('job', 'manifest.json'), 'utf8'))).toMatchObject({
      job: { uid: 'u-1' },
    });
  });

  test('are as many as wanted, and applying it again changes nothing', async () => {
    const workers = new WorkerScripts();
    const { cluster, apply } = clusterOf(workers, 3);
    await apply({ cpu: 2 }, 'Run');
    const before = cluster.processes();
    await apply({ cpu: 2 }, 'Run');
    expect(cluster.processes()).toEqual(before);
    expect(before.teachers).toHaveLength(2);
    const seen = await cluster.observe(key, jobOf('cpu', 'other'));
    expect(seen.pools).toMatchObject([
      {
        name: 'cpu',
        pods: [
          { name: 'cpu-0', terminating: false },
          { name: 'cpu-1', terminating: false },
        ],
      },
      { name: 'other', pods: [], disruptions: 0, lastError: null },
    ]);
    expect(seen.student).toMatchObject({ phase: 'Running', starts: 1 });
    expect(freeOn(cluster)).toBe(1);
  });

  test('that are still stopping hold their slots; the newest stops first', async () => {
    const workers = new WorkerScripts({ teacher: ['run', 'stubborn'] });
    const { cluster, apply, sees } = clusterOf(workers, 2);
    await apply({ cpu: 1 });
    await until('the first runs', ready(workers, 'cpu-0'));
    await apply({ cpu: 2 });
    await until('the second runs', ready(workers, 'cpu-1'));
    const [oldest, newest] = cluster.processes().teachers;
    await apply({ cpu: 1 });
    const { pools } = await cluster.observe(key, jobOf('cpu'));
    expect(pools[0]).toMatchObject({ pods: [{ terminating: false }, { name: 'cpu-1', terminating: true }] });
    expect([freeOn(cluster), cluster.slots().leaving.length]).toEqual([0, 1]);
    expect(isAlive(newest!)).toBe(true);
    await sees('the grace period is over', ({ pools: [cpu] }) => cpu?.pods.length === 1);
    expect(freeOn(cluster)).toBe(1);
    expect([isAlive(oldest!), isAlive(newest!)]).toEqual([true, false]);
    expect(cluster.processes().teachers).toEqual([oldest]);
  });

  test('of a pool that the job no longer has are stopped', async () => {
    const workers = new WorkerScripts();
    const { apply, sees } = clusterOf(workers);
    await apply({ cpu: 1, spot: 1 });
    await apply({ cpu: 1 });
    await sees('the pool is empty', ({ pools: [spot] }) => spot?.pods.length === 0, 'spot');
  });

  test('that are killed are replaced and not charged', async () => {
    const workers = new WorkerScripts();
    const { cluster, apply, sees, keys } = clusterOf(workers);
    await apply({ cpu: 1 }, 'Run', 0);
    await until('both run', () => ready(workers, 'cpu-0')() && ready(workers, 'student-1')());
    const { student, teachers } = cluster.processes();
    keys.length = 0;
    for (const pid of [student!, ...teachers]) process.kill(pid, 'SIGKILL');
    await sees('both are back', (seen) => seen.student.starts === 2 && seen.pools[0]?.disruptions === 1);
    const seen = await cluster.observe(key, jobOf('cpu'));
    expect(seen.student).toMatchObject({ phase: 'Running', failures: 0, disruptions: 1, lastError: null });
    expect(seen.pools[0]).toMatchObject({ pods: [{ name: 'cpu-1' }], lastError: null });
    expect(new Set(keys)).toEqual(new Set(['u-1']));
    expect([student!, ...teachers].map(isAlive)).toEqual([false, false]);
  });
});

describe('a student', () => {
  test('that fails is started again and charged, until the limit', async () => {
    const workers = new WorkerScripts({ student: ['exit 1 out of memory', 'exit 1 out of memory again', 'run'] });
    const { apply, sees, latest } = clusterOf(workers);
    await apply({}, 'Run', 1);
    await sees('the job has failed', ({ student }) => student.phase === 'Failed');
    expect(latest().student).toEqual({
      phase: 'Failed',
      starts: 2,
      failures: 2,
      disruptions: 0,
      lastError: { exitCode: 1, message: 'out of memory again' },
    });
  });

  test('that restarts after an error continues', async () => {
    const workers = new WorkerScripts({ student: ['exit 1', 'run'] });
    const { apply, sees, latest } = clusterOf(workers);
    await apply({}, 'Run');
    await sees('the second runs', ({ student }) => student.phase === 'Running' && student.starts === 2);
    expect(latest().student).toMatchObject({ failures: 1, lastError: { message: 'exited with code 1' } });
  });

  test('that can never succeed fails at once', async () => {
    const workers = new WorkerScripts({ student: ['exit 65 labels out of range', 'run'] });
    const { apply, sees, latest } = clusterOf(workers);
    await apply({}, 'Run');
    await sees('the job has failed', ({ student }) => student.phase === 'Failed');
    expect(latest().student).toMatchObject({ starts: 1, lastError: { exitCode: 65, message: 'labels out of range' } });
  });

  test('that is done is not started again', async () => {
    const workers = new WorkerScripts({ student: ['exit 0', 'run'] });
    const { apply, sees } = clusterOf(workers);
    await apply({}, 'Run');
    await sees('it succeeded', ({ student }) => student.phase === 'Succeeded');
    await apply({}, 'Run');
    expect(workers.notes('student')).toHaveLength(1);
  });

  test('does not repeat the message of an earlier attempt', async () => {
    const workers = new WorkerScripts({ student: ['exit 1 out of memory', 'run'] });
    const { cluster, apply, sees } = clusterOf(workers);
    await apply({}, 'Run');
    await sees('the second runs', ({ student }) => student.starts === 2 && student.phase === 'Running');
    await until('it is ready', ready(workers, 'student-2'));
    process.kill(cluster.processes().student!, 'SIGKILL');
    await sees('the third runs', ({ student }) => student.starts === 3);
    expect((await cluster.observe(key, jobOf())).student).toMatchObject({
      lastError: null,
      failures: 1,
      disruptions: 1,
    });
  });
});

describe('a cluster that is removed', () => {
  test('leaves no process, not even one that fails and waits to be replaced', async () => {
    const workers = new WorkerScripts({ teacher: ['run', 'exit 1 no memory', 'run'], student: ['exit 1', 'run'] });
    const { cluster, apply, sees } = clusterOf(workers);
    await apply({ cpu: 2 }, 'Run');
    await sees('both have failed', (seen) => seen.student.failures === 1 && seen.pools[0]?.lastError !== null);
    const { teachers } = cluster.processes();
    // A slow machine may have started the next student by then.
    const { student } = await cluster.observe(key, jobOf('cpu'));
    await cluster.remove();
    expect(cluster.processes()).toEqual({ student: null, teachers: [] });
    expect(teachers.map(isAlive)).toEqual(teachers.map(() => false));
    const seen = await cluster.observe(key, jobOf('cpu'));
    expect(seen).toMatchObject({ pools: [{ pods: [] }], student: { phase: 'Absent', starts: student.starts } });
  });

  test('removes nothing twice', async () => {
    const workers = new WorkerScripts();
    const { cluster } = clusterOf(workers);
    await cluster.remove();
    expect(await cluster.remove()).toBe(true);
  });
});

describe('an owner that is killed', () => {
  test('ends its workers', async () => {
    const workers = new WorkerScripts();
    cleanups.push(() => workers.remove());
    const owner = spawnTypeScript('../unit/cluster/owner.ts', [workers.folder]);
    cleanups.push(() => void owner.kill('SIGKILL'));
    const [line] = (await once(createInterface({ input: owner.stdout! }), 'line')) as [string];
    const { student, teachers } = JSON.parse(line) as { student: number; teachers: number[] };
    const pids = [student, ...teachers];
    expect(pids.map(isAlive)).toEqual([true, true, true]);
    await until('all listen', () => ['cpu-0', 'cpu-1', 'student-1'].every((pod) => ready(workers, pod)()));
    owner.kill('SIGKILL');
    await until('all have ended', () => !pids.some(isAlive));
  });
});
