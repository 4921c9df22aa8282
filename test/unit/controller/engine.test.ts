/** The engine over honest fakes: what wakes it, what it reports, and how it stops. */
import { describe, expect, test } from '@jest/globals';

import { type EngineReport, JobQueue, startEngine } from '../../../src/controller/index.js';
import { FakeClock, settled } from '../../kit/clock.js';
import { FakeTracer } from '../../kit/tracer.js';
import { JobMaker, labeling, noonMs, training } from '../../kit/snapshots.js';
import { FakeCluster, FakeJobs, FakeStreams, Fate } from './fakes.js';

const keyOf = (uid: string) => ({ namespace: 'default', name: 'mnist', uid });
const key = keyOf('u-1');

function world({ allocationMs = 0, tracer = null as FakeTracer | null } = {}) {
  const fate = new Fate();
  const clock = new FakeClock(noonMs);
  const jobs = new FakeJobs(fate, new JobMaker().job);
  const cluster = new FakeCluster(fate, 2);
  const streams = new FakeStreams(fate);
  const queue = new JobQueue({ clock, workers: 1 });
  const reports: EngineReport[] = [];
  let spentMs = 0;
  const observe = cluster.slots.bind(cluster);
  cluster.slots = () => {
    spentMs += allocationMs;
    return observe();
  };
  queue.wake.job(key);
  const start = () =>
    startEngine({
      queue,
      engine: 'local',
      jobs,
      cluster,
      streams,
      share: { reserve: {}, namespaceWeights: {} },
      clock,
      monotonicMs: () => clock.now() + spentMs,
      progressEveryMs: () => 0,
      jobsAreCurrent: () => true,
      report: (report) => void reports.push(report),
      tracer,
    });
  const kinds = (): string[] => reports.map(({ kind }) => kind);
  return { clock, jobs, cluster, streams, queue, reports, kinds, start };
}

/** Lets everything happen that needs no time. */
async function rest(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await settled();
}

describe('an engine', () => {
  test('reconciles a known job, reports what it decided, and shares the slots', async () => {
    const { start, reports, jobs, kinds } = world();
    const engine = start();
    await rest();
    expect(jobs.job?.status?.phase).toBe('Pending');
    expect(kinds().slice(0, 3)).toEqual(['allocated', 'decided', 'done']);
    const decided = reports.find((report) => report.kind === 'decided');
    expect(decided).toMatchObject({
      key,
      id: 1,
      snapshot: { engine: 'local' },
      plan: { status: { phase: 'Pending' } },
    });
    expect(reports.find((report) => report.kind === 'done')).toMatchObject({ key, id: 1, gone: false });
    expect(engine.fleet.totals()).toMatchObject([{ free: 2, reserved: 0 }]);
    await engine.stop();
  });

  test('reports a failed reconcile with the wait until the next', async () => {
    const { start, streams, reports, clock } = world();
    streams.provision = () => Promise.reject(new Error('no leader'));
    const engine = start();
    await rest();
    expect(reports.filter(({ kind }) => kind === 'failed' || kind === 'retrying')).toMatchObject([
      { kind: 'failed', key, id: 1, error: new Error('no leader') },
      { kind: 'retrying', key, error: new Error('no leader'), retryMs: 200 },
    ]);
    await clock.advance(200);
    await rest();
    expect(reports.at(-1)).toMatchObject({ kind: 'retrying', retryMs: 400 });
    await engine.stop();
  });

  test('traces each reconcile by its phases, and one that fails up to the phase that did', async () => {
    const tracer = new FakeTracer();
    const { start, streams, reports } = world({ tracer });
    const provision = streams.provision.bind(streams);
    streams.provision = () => Promise.reject(new Error('no leader'));
    const engine = start();
    await rest();
    const untilAct = ['reconcile() failed', 'observe(reconcile)', 'allocate(reconcile)', 'decide(reconcile)'];
    expect(tracer.seen).toEqual([...untilAct, 'act(reconcile) failed']);
    expect(reports.find(({ kind }) => kind === 'failed')).toMatchObject({ traceId: 'a'.repeat(32) });
    streams.provision = provision;
    tracer.spans.length = 0;
    await engine.stop();
  });

  test('allocates again when slots change, and wakes the job whose grants changed', async () => {
    const { start, cluster, streams, queue, kinds, reports } = world();
    Object.assign(streams, { exists: true, student: training(), teachers: new Map([['cpu-0', labeling('cpu-0')]]) });
    const engine = start();
    await rest();
    expect(cluster.pools.get('cpu')?.length).toBe(2);
    reports.length = 0;
    Object.assign(cluster, { machineSlots: 1 });
    queue.wake.slots();
    await rest();
    expect(kinds()).toEqual(expect.arrayContaining(['allocated', 'decided', 'done']));
    expect(cluster.pools.get('cpu')?.length).toBe(1);
    await engine.stop();
  });

  test('reports a job that is gone', async () => {
    const { start, jobs, reports, queue } = world();
    const engine = start();
    await rest();
    jobs.job = null;
    queue.wake.jobGone(key);
    await rest();
    expect(reports.at(-1)).toMatchObject({ kind: 'done', key, gone: true });
    expect(queue.jobs).toBe(0);
    await engine.stop();
  });

  test('stops after the reconcile that waits for its grants: without grants its teachers would end', async () => {
    const { start, jobs, cluster, streams, queue, clock } = world({ allocationMs: 100 });
    Object.assign(streams, { exists: true, student: training(), teachers: new Map([['cpu-0', labeling('cpu-0')]]) });
    const engine = start();
    await rest();
    expect(cluster.pools.get('cpu')?.length).toBe(2);
    // The job was deleted and created again: its first reconcile waits nine times as long as the last allocation took.
    const { job } = jobs;
    if (job === null) throw new Error('no job');
    jobs.job = { ...job, metadata: { ...job.metadata, uid: 'u-2' } };
    queue.wake.job(keyOf('u-2'));
    await rest();
    let stopped = false;
    const stopping = engine.stop().then(() => (stopped = true));
    await rest();
    expect([stopped, cluster.pools.get('cpu')?.length]).toEqual([false, 2]);
    await clock.advance(900);
    await stopping;
    expect(cluster.pools.get('cpu')?.length).toBe(2);
    expect(clock.waits).toEqual([]);
  });
});
