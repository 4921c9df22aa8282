/** How a job in a cluster begins and ends: marked, expired, deleted, refused; also when the operator dies in between. */
import { beforeEach, describe, expect, test } from '@jest/globals';

import { streamsFinalizer } from '../../../src/api/index.js';
import { reconcile } from '../../../src/controller/index.js';
import { FakeClock } from '../../kit/clock.js';
import { ended, JobMaker, labeling, noonMs, training } from '../../kit/snapshots.js';
import { Crash, FakeCluster, FakeJobs, FakeStreams, Fate, fleetOver } from './fakes.js';

const key = { namespace: 'default', name: 'mnist', uid: 'u-1' };

function world(edit: (job: JobMaker) => JobMaker = (job) => job) {
  const fate = new Fate();
  const jobs = new FakeJobs(fate, edit(new JobMaker()).job);
  const cluster = new FakeCluster(fate, 2);
  cluster.student = { ...cluster.student, disruptions: null };
  const streams = new FakeStreams(fate);
  const clock = new FakeClock(noonMs);
  const fleet = fleetOver(cluster, clock);
  const known = { current: true };
  const look = (): ReturnType<typeof reconcile> => {
    fate.calls.length = 0;
    return reconcile(key, {
      engine: 'cluster',
      jobs,
      cluster,
      streams,
      fleet,
      clock,
      observer: () => undefined,
      progressEveryMs: () => 0,
      jobsAreCurrent: () => known.current,
    });
  };
  /** The calls of one reconcile that change something. */
  const acts = async (): Promise<readonly string[]> => {
    await look();
    return fate.calls.filter((call) => call !== 'get job' && !call.startsWith('observe'));
  };
  const change = (edited: (job: JobMaker) => JobMaker): void => {
    jobs.job = edited(new JobMaker(jobs.job!)).job;
  };
  return { fate, jobs, cluster, streams, clock, known, look, acts, change };
}

type World = ReturnType<typeof world>;

/** A marked job with streams, and processes that take time to end. */
async function running(edit?: (job: JobMaker) => JobMaker): Promise<World> {
  const at = world(edit);
  at.cluster.lingers = true;
  await at.look();
  Object.assign(at.streams, {
    student: training(),
    teachers: new Map([['cpu-0', labeling('cpu-0')]]),
  });
  await at.look();
  at.jobs.events.length = 0;
  return at;
}

const isThere = ({ jobs }: World): boolean => jobs.job !== null;
const isMarked = ({ jobs }: World): boolean => jobs.job?.metadata.finalizers?.includes(streamsFinalizer) === true;
const lost = '! StreamsUnreachable: The streams cannot be removed, so the job waits: the connection to NATS is lost';
const abandoned =
  "! StreamsAbandoned: Let go by distillery.dev/force-delete; the job's streams may stay behind in NATS.";
const expired = 'Expired: ttlSecondsAfterFinished is over: the job and all it owns are deleted.';
const problem = {
  path: 'spec.weight',
  fault: { found: '0', expected: 'a number above 0', remedy: 'Raise it.' },
  message: 'spec.weight: found 0, expected a number above 0. Raise it.',
};

test('a new job gets the finalizer before anything of it exists', async () => {
  const at = world();
  expect(await at.acts()).toEqual([
    'add finalizer',
    'provision streams',
    'apply processes',
    'write status',
    'record events',
  ]);
  expect(await at.acts()).not.toContain('add finalizer');
});

describe('a job that is deleted', () => {
  test('loses its processes, then its streams, then our finalizer', async () => {
    const at = await running();
    at.jobs.deletedBySomebody();
    expect(await at.acts()).toEqual(['remove processes', 'write status']);
    expect(await at.acts()).toEqual(['remove processes']);
    at.cluster.endLingering();
    expect(await at.acts()).toEqual(['remove streams', 'remove processes', 'write status']);
    expect(await at.acts()).toEqual(['remove processes', 'remove finalizer']);
    expect([at.jobs.job, at.streams.exists, at.jobs.events]).toEqual([null, false, []]);
    expect(await at.acts()).toEqual(['remove processes']);
  });

  test('waits for NATS, reports it once, and continues when NATS is back', async () => {
    const at = await running();
    at.jobs.deletedBySomebody();
    await at.look();
    at.cluster.endLingering();
    at.streams.reachable = false;
    expect(await at.acts()).toEqual(['remove processes', 'write status', 'record events']);
    expect(await at.acts()).toEqual(['remove processes']);
    expect(at.jobs.events).toEqual([lost]);
    at.streams.reachable = true;
    await at.look();
    await at.look();
    expect([at.jobs.job, at.streams.exists]).toEqual([null, false]);
  });

  test('is released without its streams when it is forced, after its status says so', async () => {
    const at = await running();
    at.streams.reachable = false;
    at.change((job) => job.forced());
    at.jobs.deletedBySomebody();
    await at.look();
    expect(isMarked(at)).toBe(true);
    at.cluster.endLingering();
    expect(await at.acts()).toEqual(['remove processes', 'write status', 'record events', 'remove finalizer']);
    expect([at.jobs.job, at.streams.exists, at.jobs.events]).toEqual([null, true, [abandoned]]);
  });

  test('stays while another finalizer holds it, and no step is repeated', async () => {
    const at = await running();
    at.change((job) => job.change(({ metadata }) => metadata.finalizers?.push('example.com/theirs')));
    at.jobs.deletedBySomebody();
    at.cluster.lingers = false;
    for (let looks = 0; looks < 4; looks++) await at.look();
    expect(at.jobs.job?.metadata.finalizers).toEqual(['example.com/theirs']);
    expect(await at.acts()).toEqual(['remove processes']);
  });

  test('that was never reconciled leaves nothing to do', async () => {
    const at = world();
    at.jobs.deletedBySomebody();
    expect(await at.acts()).toEqual(['remove processes']);
    expect([at.jobs.job, at.streams.exists, at.cluster.pools.size]).toEqual([null, false, 0]);
  });
});

describe('a job that is deleted while its status cannot be written', () => {
  /** The message of every failed reconcile until the job is gone. */
  const failures = async (at: World): Promise<ReadonlySet<unknown>> => {
    const found = new Set<unknown>();
    for (let looks = 0; isThere(at); looks++) {
      expect(looks).toBeLessThan(6);
      await at.look().catch((error: unknown) => found.add(error instanceof Error && error.message));
    }
    return found;
  };
  const forbidden = new Set(['distilljobs.distillery.dev "mnist" is forbidden: no status today']);

  test('ends like any other, and each reconcile reports the refusal', async () => {
    const at = await running();
    at.jobs.forbidsStatus = true;
    at.jobs.deletedBySomebody();
    await expect(at.look()).rejects.toThrow('no status today');
    at.cluster.endLingering();
    await expect(at.look()).rejects.toThrow('no status today');
    expect([isMarked(at), at.streams.exists]).toEqual([true, false]);
    await expect(at.look()).rejects.toThrow('no status today');
    expect(at.fate.calls.slice(-2)).toEqual(['write status', 'remove finalizer']);
    expect([isThere(at), await at.look()]).toEqual([false, 'Gone']);
  });

  test('keeps our finalizer while its streams cannot be removed', async () => {
    const at = await running();
    at.jobs.forbidsStatus = true;
    at.cluster.lingers = false;
    at.streams.reachable = false;
    at.jobs.deletedBySomebody();
    for (let looks = 0; looks < 4; looks++) await expect(at.look()).rejects.toThrow('no status today');
    expect([isMarked(at), at.streams.exists]).toEqual([true, true]);
    at.streams.reachable = true;
    expect(await failures(at)).toEqual(forbidden);
    expect(at.streams.exists).toBe(false);
  });

  test('is released without its streams when it is forced, and an event says so', async () => {
    const at = await running();
    at.jobs.forbidsStatus = true;
    at.cluster.lingers = false;
    at.streams.reachable = false;
    at.change((job) => job.forced());
    at.jobs.deletedBySomebody();
    expect(await failures(at)).toEqual(forbidden);
    expect([at.streams.exists, at.jobs.events]).toEqual([true, [abandoned]]);
  });

  test('and is held by another finalizer, loses ours only', async () => {
    const at = await running();
    at.change((job) => job.change(({ metadata }) => metadata.finalizers?.push('example.com/theirs')));
    at.jobs.forbidsStatus = true;
    at.cluster.lingers = false;
    at.jobs.deletedBySomebody();
    for (let looks = 0; looks < 4; looks++) await expect(at.look()).rejects.toThrow('no status today');
    expect(at.jobs.job?.metadata.finalizers).toEqual(['example.com/theirs']);
    expect(at.fate.calls).not.toContain('remove finalizer');
  });

  test('and that today’s rules refuse, ends like any other', async () => {
    const at = await running();
    at.jobs.problems = [problem];
    at.jobs.forbidsStatus = true;
    at.cluster.lingers = false;
    at.jobs.deletedBySomebody();
    expect(await failures(at)).toEqual(forbidden);
    expect(at.streams.exists).toBe(false);
  });
});

describe('a job whose time after the end is over', () => {
  let at: World;
  beforeEach(async () => {
    at = await running((job) => job.ttl(60));
    at.cluster.lingers = false;
    at.cluster.student = { ...at.cluster.student, phase: 'Succeeded' };
    await at.look();
    at.jobs.events.length = 0;
  });

  test('is deleted after its status says why, and then ends like any other', async () => {
    await at.clock.advance(59_000);
    expect(await at.look()).toBe(1_000);
    await at.clock.advance(1_000);
    expect(await at.acts()).toEqual(['apply processes', 'record events', 'delete job']);
    expect(at.jobs.events).toEqual([expired]);
    for (let looks = 0; looks < 3; looks++) await at.look();
    expect([at.jobs.job, at.streams.exists, at.jobs.events]).toEqual([null, false, [expired]]);
  });

  test('gets the finalizer first if it was removed: its result lies in the streams', async () => {
    at.change((job) => job.change(({ metadata }) => (metadata.finalizers = [])));
    await at.clock.advance(60_000);
    expect((await at.acts())[0]).toBe('add finalizer');
    expect(await at.acts()).toContain('delete job');
    for (let looks = 0; looks < 3; looks++) await at.look();
    expect([at.jobs.job, at.streams.exists]).toEqual([null, false]);
  });
});

describe('a job that the cluster refuses', () => {
  test('says so in its first status, holds nothing, and is retried when it changes', async () => {
    const at = world();
    at.cluster.refuses = 'Deployment.apps "mnist-teacher-cpu" is invalid';
    expect((await at.acts()).slice(-4)).toEqual([
      'apply processes',
      'remove processes',
      'write status',
      'record events',
    ]);
    expect(await at.acts()).toEqual(['remove processes']);
    expect(at.jobs.statuses.map(({ summary }) => summary?.reason)).toEqual(['RefusedByCluster']);
    expect(at.jobs.events).toEqual([
      '! Refused: The API server refuses what the job asks for: Deployment.apps "mnist-teacher-cpu" is invalid',
    ]);
    at.cluster.refuses = null;
    at.change((job) => job.generation(2));
    expect(await at.acts()).toContain('apply processes');
    expect(at.cluster.student.phase).toBe('Running');
  });
});

describe('a stored job that today’s rules refuse', () => {
  let at: World;
  beforeEach(async () => {
    at = await running();
    at.jobs.problems = [problem];
  });

  test('releases what it had and says why, once', async () => {
    expect(await at.acts()).toEqual(['remove processes', 'write status', 'record events']);
    expect(await at.look()).toBe(1_000);
    at.cluster.endLingering();
    expect(await at.acts()).toEqual(['remove processes']);
    expect(await at.look()).toBeNull();
    expect(at.jobs.events).toEqual(['! Refused: spec.weight: found 0, expected a number above 0. Raise it.']);
    expect([at.streams.exists, isMarked(at), at.jobs.job?.status?.phase]).toEqual([true, true, 'Pending']);
  });

  test('continues when the rules allow it', async () => {
    await at.look();
    at.cluster.endLingering();
    at.jobs.problems = [];
    await at.look();
    expect([at.cluster.student.phase, at.jobs.job?.status?.phase]).toEqual(['Running', 'Running']);
  });

  test('is deleted like any other', async () => {
    at.jobs.deletedBySomebody();
    expect(await at.acts()).toEqual(['remove processes', 'write status']);
    at.cluster.endLingering();
    expect(await at.acts()).toEqual(['remove processes', 'remove streams', 'write status']);
    expect(await at.acts()).toEqual(['remove processes', 'remove finalizer']);
    expect([at.jobs.job, at.streams.exists]).toEqual([null, false]);
  });

  test('waits for NATS with a condition, and is released when it is forced', async () => {
    at.cluster.lingers = false;
    at.streams.reachable = false;
    at.jobs.deletedBySomebody();
    expect(await at.look()).toBe(3_000);
    await at.look();
    expect([isMarked(at), at.jobs.events]).toEqual([true, [lost]]);
    at.change((job) => job.forced());
    await at.look();
    expect([at.jobs.job, at.streams.exists, at.jobs.events]).toEqual([null, true, [lost, abandoned]]);
  });
});

describe('while the job list may be outdated', () => {
  test('a job that the cache holds as deleted keeps its streams, processes and finalizer until the list is current', async () => {
    const at = await running();
    at.jobs.deletedBySomebody();
    await at.look();
    at.cluster.endLingering();
    at.known.current = false;
    expect(await at.acts()).toEqual([]);
    expect([await at.look(), at.streams.exists, isMarked(at)]).toEqual([500, true, true]);
    at.known.current = true;
    expect(await at.acts()).toEqual(['remove streams', 'remove processes', 'write status']);
  });

  test('a job whose streams are already gone keeps our finalizer', async () => {
    const at = await running();
    at.cluster.lingers = false;
    at.jobs.deletedBySomebody();
    for (let looks = 0; at.streams.exists; looks++) {
      expect(looks).toBeLessThan(5);
      await at.look();
    }
    at.known.current = false;
    expect(await at.acts()).toEqual([]);
    expect(isMarked(at)).toBe(true);
  });

  test('a job that today’s rules refuse keeps everything', async () => {
    const at = await running();
    at.cluster.lingers = false;
    at.jobs.problems = [problem];
    at.known.current = false;
    expect(await at.acts()).toEqual([]);
    at.jobs.deletedBySomebody();
    expect(await at.acts()).toEqual([]);
    expect([at.streams.exists, isMarked(at), at.cluster.student.phase]).toEqual([true, true, 'Running']);
    at.known.current = true;
    expect(await at.acts()).toEqual(['remove processes', 'remove streams', 'write status']);
  });

  test('streams of a refused job stay when the list becomes outdated while its processes end', async () => {
    const at = await running();
    at.cluster.lingers = false;
    at.jobs.problems = [problem];
    at.jobs.deletedBySomebody();
    const remove = at.cluster.remove.bind(at.cluster);
    at.cluster.remove = () => {
      at.known.current = false;
      return remove();
    };
    expect(await at.acts()).toEqual(['remove processes']);
    expect([at.streams.exists, isMarked(at)]).toEqual([true, true]);
  });

  test('a job that is gone keeps its processes and its account', async () => {
    const at = await running();
    at.cluster.lingers = false;
    at.jobs.job = null;
    at.known.current = false;
    expect([await at.look(), at.cluster.student.phase]).toEqual([500, 'Running']);
    at.known.current = true;
    // 'Gone' is what closes the account.
    expect([await at.look(), at.cluster.student.phase]).toEqual(['Gone', 'Absent']);
  });
});

/** Starting points: [what, world, whether the streams stay behind]. */
const deaths: readonly [string, () => Promise<World>, boolean][] = [
  [
    'a job that has just begun',
    async () => {
      const at = world();
      await at.look();
      return at;
    },
    false,
  ],
  ['a running job', () => running(), false],
  [
    'a suspended job',
    async () => {
      const at = await running();
      at.change((job) => job.suspended());
      await at.look();
      return at;
    },
    false,
  ],
  [
    'a failed job',
    async () => {
      const at = await running();
      at.cluster.student = { ...at.cluster.student, phase: 'Failed', failures: 7, lastError: ended(1, 'no memory') };
      await at.look();
      return at;
    },
    false,
  ],
  [
    'a job that the cluster refuses',
    async () => {
      const at = world();
      at.cluster.refuses = 'is invalid';
      await at.look();
      return at;
    },
    false,
  ],
  [
    'a job that today’s rules refuse',
    async () => {
      const at = await running();
      at.jobs.problems = [problem];
      return at;
    },
    false,
  ],
  [
    'a forced job whose NATS is gone',
    async () => {
      const at = await running((job) => job.forced());
      at.streams.reachable = false;
      return at;
    },
    true,
  ],
  [
    'a forced job that today’s rules refuse, whose NATS is gone',
    async () => {
      const at = await running((job) => job.forced());
      at.jobs.problems = [problem];
      at.streams.reachable = false;
      return at;
    },
    true,
  ],
];

/** Reconciles until the job is gone; lingering processes end after every second reconcile. */
async function seeOff(at: World): Promise<void> {
  for (let looks = 1; isThere(at); looks++) {
    if (looks > 20) throw new Error('the job stays');
    await at.look().catch((error: unknown) => {
      if (!(error instanceof Crash)) throw error;
      at.fate.dieAfter(Infinity);
    });
    // No stream exists that no one would remove.
    if (isThere(at) && at.streams.exists) expect(isMarked(at)).toBe(true);
    if (looks % 2 === 0) at.cluster.endLingering();
  }
}

describe('an operator that dies at any call while a job goes', () => {
  test.each(deaths)('leaves nothing of %s', async (_what, make, streamsStay) => {
    const most = await callsOf(make);
    expect(most).toBeGreaterThan(5);
    for (let calls = 0; calls < most; calls++) {
      const at = await make();
      at.jobs.deletedBySomebody();
      at.fate.dieAfter(calls);
      await seeOff(at);
      expect([at.streams.exists, at.cluster.pools.size, at.cluster.lingering.size]).toEqual([streamsStay, 0, 0]);
      expect(at.cluster.student.phase).toBe('Absent');
      if (streamsStay) expect(at.jobs.events).toContain(abandoned);
    }
  });

  test('still expires a job, and only after its status says so', async () => {
    const make = async (): Promise<World> => {
      const at = await running((job) => job.ttl(60));
      at.cluster.lingers = false;
      at.cluster.student = { ...at.cluster.student, phase: 'Succeeded' };
      await at.look();
      await at.clock.advance(60_000);
      return at;
    };
    const most = await callsOf(make, (at) => at);
    for (let calls = 0; calls < most; calls++) {
      const at = await make();
      at.fate.dieAfter(calls);
      await seeOff(at);
      expect([at.streams.exists, at.cluster.pools.size]).toEqual([false, 0]);
      expect(at.jobs.events).toContain(expired);
    }
  });

  /** Number of calls of a whole undisturbed deletion. */
  async function callsOf(
    make: () => Promise<World>,
    begin: (at: World) => unknown = (at) => {
      at.jobs.deletedBySomebody();
    },
  ): Promise<number> {
    const at = await make();
    begin(at);
    at.fate.dieAfter(Infinity);
    let calls = 0;
    const look = at.look;
    at.look = async () => {
      const again = await look();
      calls += at.fate.calls.length;
      return again;
    };
    await seeOff(at);
    return calls;
  }
});

describe('an operator that dies at any call while a job begins', () => {
  test('has set the finalizer before any stream exists', async () => {
    for (let calls = 0; calls < 10; calls++) {
      const at = world();
      at.fate.dieAfter(calls);
      await at.look().catch(() => undefined);
      if (at.streams.exists) expect(isMarked(at)).toBe(true);
      at.fate.dieAfter(Infinity);
      await at.look();
      await at.look();
      expect([isMarked(at), at.streams.exists, at.cluster.student.phase]).toEqual([true, true, 'Running']);
    }
  });
});
