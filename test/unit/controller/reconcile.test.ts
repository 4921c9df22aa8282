/** One reconcile over honest fakes: what it does in which order, and that dying at any step changes nothing (I6). */
import { describe, expect, test } from '@jest/globals';
import { StreamError } from '../../../src/stream/index.js';

import type { DistillJob } from '../../../src/api/index.js';
import { reconcile } from '../../../src/controller/index.js';
import { type Limits, noLimits, parseLimit, type Plan } from '../../../src/domain/index.js';
import { FakeClock } from '../../kit/clock.js';
import { ended, JobMaker, labeling, noonMs, training } from '../../kit/snapshots.js';
import { Crash, FakeCluster, FakeJobs, FakeStreams, Fate, fleetOver } from './fakes.js';

const key = { namespace: 'default', name: 'mnist', uid: 'u-1' };

function world(job: DistillJob = new JobMaker().job, limits: Limits = noLimits) {
  const fate = new Fate();
  const jobs = new FakeJobs(fate, job);
  const cluster = new FakeCluster(fate, 2);
  const streams = new FakeStreams(fate);
  const clock = new FakeClock(noonMs);
  const fleet = fleetOver(cluster, clock);
  const decisions: Plan[] = [];
  const known = { current: true };
  const look = (): ReturnType<typeof reconcile> =>
    reconcile(key, {
      engine: 'local',
      jobs,
      cluster,
      streams,
      fleet,
      limits,
      clock,
      observer: (_snapshot, plan) => void decisions.push(plan),
      progressEveryMs: () => 0,
      jobsAreCurrent: () => known.current,
    });
  /** Reconciles until nothing changes. */
  const settle = async (): Promise<void> => {
    for (let look_ = 0; look_ < 10; look_++) {
      const before = outcome();
      await look();
      if (outcome() === before) return;
    }
    throw new Error('it does not come to rest');
  };
  /** Everything that a reconcile can change, except events. */
  const outcome = (): string =>
    JSON.stringify([
      jobs.job?.status,
      [...cluster.pools].map(([name, pods]) => [name, pods.length]),
      cluster.student,
      streams.exists,
      streams.missing,
      [...streams.frames],
      [...streams.teachers.keys()],
    ]);
  return { fate, jobs, cluster, streams, fleet, clock, known, decisions, look, settle, outcome };
}

type World = ReturnType<typeof world>;

/** A running job whose streams need every kind of care. */
function untidy(): World {
  const at = world();
  Object.assign(at.streams, {
    exists: true,
    missing: ['DISTILL_u-1_DEAD'],
    frames: new Set([1, 2, 3, 4, 5, 6]),
    student: training({
      firstNeededSequence: 3,
      damaged: [{ sequence: 5, shard: 0, step: 44, reason: 'body checksum' }],
    }),
    teachers: new Map([['cpu-77', labeling('cpu-77')]]),
    dead: [{ shard: 0, step: 7, teacher: 'cpu-1', deliveries: 5, error: 'NaN logits', item: null }],
  });
  return at;
}

describe('a reconcile', () => {
  test('follows the order of its numbered steps', async () => {
    const at = untidy();
    at.fate.dieAfter(Infinity);
    await at.look();
    expect(at.fate.calls).toEqual([
      'get job',
      'observe processes',
      'observe streams',
      'read the newest dead item',
      'provision streams',
      'trim',
      'delete frame',
      'apply processes',
      'write status',
      'record events',
    ]);
  });

  test('starts a new job in two reconciles and then leaves it alone', async () => {
    const at = world();
    expect(await at.look()).toBe(1_000);
    expect(at.streams.exists).toBe(true);
    await at.look();
    expect([...at.cluster.pools]).toEqual([['cpu', ['cpu-0', 'cpu-1']]]);
    expect(at.cluster.student.phase).toBe('Running');
    await at.settle();
    const written = at.jobs.statuses.length;
    const recorded = at.jobs.events.length;
    await at.clock.advance(1_000);
    for (let time = 0; time < 3; time++) await at.look();
    expect([at.jobs.statuses.length, at.jobs.events.length, at.streams.provisioned]).toEqual([written, recorded, 1]);
    expect(at.decisions.length).toBeGreaterThan(3);
  });

  test('applies the job, and gives each role its own credentials', async () => {
    const at = world();
    await at.look();
    expect(at.cluster.applied?.job.metadata).toMatchObject(key);
    const access = at.cluster.applied!.access;
    expect(await access('teacher')).toMatchObject({ user: 'teacher-u-1', password: 'secret-teacher' });
    expect(await access('student')).toMatchObject({ user: 'student-u-1', password: 'secret-student' });
  });

  test('reads dead items only when there are some', async () => {
    const at = world();
    await at.look();
    expect(at.fate.calls).not.toContain('read the newest dead item');
  });

  test('has nothing more to do when the job is over', async () => {
    const at = untidy();
    await at.look();
    at.cluster.student = { ...at.cluster.student, phase: 'Succeeded' };
    expect(await at.look()).toBeNull();
    expect(at.jobs.job?.status?.phase).toBe('Succeeded');
    expect([...at.cluster.pools]).toEqual([['cpu', []]]);
  });

  test('leaves no process of a job that is gone', async () => {
    const at = untidy();
    await at.look();
    at.jobs.job = null;
    expect(await at.look()).toBe('Gone');
    expect([at.cluster.pools.size, at.cluster.student.phase]).toEqual([0, 'Absent']);
  });

  test('reports a job that it cannot run, and leaves nothing of it running', async () => {
    const at = untidy();
    await at.look();
    at.jobs.job = new JobMaker(at.jobs.job!).change(({ spec }) => (spec.dataset.delivery = 'Inline')).job;
    await at.settle();
    expect(at.jobs.events).toContain('! Refused: spec.dataset.delivery: "Inline" is not supported yet. Use Reference.');
    expect([at.cluster.pools.size, at.cluster.student.phase]).toEqual([0, 'Absent']);
    expect(await at.look()).toBeNull();
  });

  test('applies the limits to a job, and says so', async () => {
    const job = new JobMaker().change(({ spec }) => (spec.weight = 500)).job;
    const at = world(job, { ...noLimits, weight: parseLimit('10', 1, 1_000)! });
    await at.settle();
    expect(at.fleet.snapshot().jobs).toMatchObject([{ weight: 10 }]);
    expect(at.jobs.events.filter((event) => event.startsWith('!'))).toEqual([
      "! Limited: The administrator's limits for this namespace apply: spec.weight: 500 counts as 10.",
    ]);
    expect(at.jobs.job?.spec.weight).toBe(500);
  });

  test('drops the request of a job that is stored under other rules: its slots are for others', async () => {
    const at = world();
    await at.settle();
    expect(at.fleet.totals()).toMatchObject([{ granted: 2 }]);
    const fault = { found: 'fp8', expected: 'an encoding of this version', remedy: 'change it' };
    at.jobs.problems = [{ path: 'spec.logits.encoding', message: 'no such encoding', fault }];
    await at.look();
    expect(at.fleet.snapshot().jobs).toEqual([]);
  });

  test('changes nothing while NATS is out of reach', async () => {
    const at = untidy();
    await at.settle();
    const { pools, student } = at.cluster;
    at.streams.reachable = false;
    const provisioned = at.streams.provisioned;
    await at.settle();
    expect([at.cluster.pools, at.cluster.student, at.streams.provisioned]).toEqual([pools, student, provisioned]);
    expect(at.jobs.job?.status?.phase).toBe('Running');
  });

  test('serves the streams of a job that may be outdated, and does and reports nothing else', async () => {
    const at = untidy();
    at.known.current = false;
    expect(await at.look()).toBe(500);
    expect([...at.streams.frames]).toEqual([3, 4, 6]);
    expect([at.cluster.pools.size, at.cluster.student.phase, at.jobs.statuses, at.jobs.events]).toEqual([
      0,
      'Absent',
      [],
      [],
    ]);
    at.known.current = true;
    await at.settle();
    expect([at.cluster.pools.size, at.jobs.statuses.length > 0]).toEqual([1, true]);
  });

  test('announces nothing that the status does not say', async () => {
    const at = world();
    at.fate.dieAfter(5);
    await expect(at.look()).rejects.toThrow(Crash);
    expect([at.fate.calls.at(-1), at.jobs.statuses, at.jobs.events]).toEqual(['apply processes', [], []]);
  });

  describe('that is blocked', () => {
    const full = new StreamError('full', {
      about: 'JetStream',
      problem: 'its store is full',
      remedy: 'free some space',
    });

    test('reports the reason, once, and fails so that it is retried', async () => {
      const at = world();
      const provision = at.streams.provision.bind(at.streams);
      at.streams.provision = () => Promise.reject(full);
      for (let time = 0; time < 3; time++) await expect(at.look()).rejects.toThrow(full);
      expect(at.jobs.statuses).toHaveLength(1);
      expect(at.jobs.job?.status).toMatchObject({ phase: 'Pending', observedGeneration: 1 });
      expect(at.jobs.job?.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`)).toContain(
        'Progressing Blocked',
      );
      expect(at.jobs.events).toEqual([
        'Accepted: The job is valid; its streams are being created.',
        '! Blocked: JetStream: its store is full. Free some space.',
      ]);
      at.streams.provision = provision;
      await at.settle();
      expect(at.jobs.job?.status?.conditions?.find(({ type }) => type === 'Progressing')?.reason).toBe('Starting');
    });

    test('reports nothing that was not done', async () => {
      const at = untidy();
      await at.settle();
      const before = at.jobs.job?.status;
      at.cluster.apply = () => Promise.reject(full);
      at.jobs.job = new JobMaker(at.jobs.job!).suspended().job;
      await expect(at.look()).rejects.toThrow(full);
      const after = at.jobs.job.status;
      expect(after).toMatchObject({ phase: before!.phase, teachers: before!.teachers });
      const said = (type: string) => after?.conditions?.find((condition) => condition.type === type)?.reason;
      expect([said('Progressing'), said('Suspended')]).toEqual(['Blocked', 'NotSuspended']);
    });

    test('reports nothing when a retry may help', async () => {
      const at = world();
      at.streams.provision = () => Promise.reject(new Error('no answer'));
      await expect(at.look()).rejects.toThrow('no answer');
      expect([at.jobs.statuses, at.jobs.events]).toEqual([[], []]);
    });
  });

  test('fails when its observer throws, after everything is done', async () => {
    const at = world();
    const options = {
      engine: 'local',
      jobs: at.jobs,
      cluster: at.cluster,
      streams: at.streams,
      fleet: fleetOver(at.cluster, at.clock),
      clock: at.clock,
      progressEveryMs: () => 0,
      jobsAreCurrent: () => true,
    } as const;
    const observer = (): never => {
      throw new Error('the view is broken');
    };
    await expect(reconcile(key, { ...options, observer })).rejects.toThrow('the view is broken');
    expect(at.jobs.statuses).toHaveLength(1);
  });
});

describe('a process that dies in a reconcile', () => {
  const jobs: readonly [string, () => World][] = [
    ['a new job', world],
    ['a job that needs every kind of care', untidy],
    [
      'a suspended job',
      () => {
        const at = untidy();
        at.jobs.job = new JobMaker().suspended().job;
        return at;
      },
    ],
    [
      'a job that fails',
      () => {
        const at = untidy();
        at.cluster.student = { ...at.cluster.student, phase: 'Failed', failures: 1, lastError: ended(65, 'no') };
        return at;
      },
    ],
  ];

  test.each(jobs)('with %s leaves nothing that its next run would do differently', async (_what, make) => {
    const undisturbed = make();
    await undisturbed.settle();
    const want = undisturbed.outcome();
    for (let calls = 0; ; calls++) {
      const at = make();
      at.fate.dieAfter(calls);
      const died = await at.look().then(
        () => false,
        () => true,
      );
      at.fate.dieAfter(Infinity);
      await at.settle();
      expect(at.outcome()).toBe(want);
      if (!died) break;
      expect(calls).toBeLessThan(20);
    }
  });

  test('records no event twice; an event that it dies before is lost', async () => {
    for (let calls = 0; calls < 12; calls++) {
      const at = untidy();
      at.fate.dieAfter(calls);
      await at.look().catch(() => undefined);
      at.fate.dieAfter(Infinity);
      await at.settle();
      expect(new Set(at.jobs.events).size).toBe(at.jobs.events.length);
    }
  });
});
