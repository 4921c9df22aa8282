/** The student's job: one attempt after the other, errors charged, disruptions never, no attempt while none is wanted. */
import { describe, expect, test } from '@jest/globals';

import { StudentJob } from '../../../src/cluster/local/student-job.js';
import { FakeClock } from '../../kit/clock.js';
import { type FakeChild, Nursery } from './fake-child.js';

function jobOf(backoffLimit = 6) {
  const clock = new FakeClock();
  const nursery = new Nursery();
  const job = new StudentJob({ start: nursery.start, changed: () => undefined, clock, graceMs: 10_000 });
  job.want('Run', backoffLimit);
  return { job, clock, nursery };
}

describe('the student', () => {
  test('is started once, however often it is wanted', () => {
    const { job, nursery } = jobOf();
    job.want('Run', 6);
    expect(nursery.names).toEqual(['student-1']);
    expect(job.observe()).toEqual({ phase: 'Running', starts: 1, failures: 0, disruptions: 0, lastError: null });
    expect(job.pid()).toBe(1_000);
  });

  test('that succeeded is not started again', async () => {
    const { job, nursery } = jobOf();
    await nursery.last.exits(0);
    job.want('Run', 6);
    expect(job.observe().phase).toBe('Succeeded');
    expect(nursery.attempts).toBe(1);
    expect(job.pid()).toBeNull();
  });

  test('counts the seconds for which it held its slot', async () => {
    const { job, clock, nursery } = jobOf();
    await clock.advance(7_000);
    await nursery.last.killed();
    await clock.advance(0);
    await clock.advance(5_000);
    expect(job.slotSeconds()).toBe(12);
  });
});

interface Case {
  readonly what: string;
  readonly end: (child: FakeChild) => Promise<void>;
  readonly phase: string;
  readonly failures: number;
  readonly disruptions: number;
  readonly waits: readonly number[];
}

describe('an unexpected end', () => {
  test.each<Case>([
    {
      what: 'an error',
      end: (child) => child.exits(1),
      phase: 'BackingOff',
      failures: 1,
      disruptions: 0,
      waits: [500],
    },
    {
      what: 'a full disk',
      end: (child) => child.exits(74),
      phase: 'BackingOff',
      failures: 1,
      disruptions: 0,
      waits: [500],
    },
    {
      what: 'a broken pointer',
      end: (child) => child.killed('SIGSEGV'),
      phase: 'BackingOff',
      failures: 1,
      disruptions: 0,
      waits: [500],
    },
    {
      what: 'an abort for want of memory',
      end: (child) => child.killed('SIGABRT'),
      phase: 'BackingOff',
      failures: 1,
      disruptions: 0,
      waits: [500],
    },
    { what: 'SIGKILL', end: (child) => child.killed(), phase: 'BackingOff', failures: 0, disruptions: 1, waits: [0] },
    { what: 'SIGTERM', end: (child) => child.exits(143), phase: 'BackingOff', failures: 0, disruptions: 1, waits: [0] },
    {
      what: 'a stream out of reach',
      end: (child) => child.exits(69),
      phase: 'BackingOff',
      failures: 0,
      disruptions: 1,
      waits: [500],
    },
    {
      what: 'a fence',
      end: (child) => child.exits(75),
      phase: 'BackingOff',
      failures: 0,
      disruptions: 1,
      waits: [500],
    },
    { what: 'bad input', end: (child) => child.exits(65), phase: 'Failed', failures: 1, disruptions: 0, waits: [] },
    { what: 'success', end: (child) => child.exits(0), phase: 'Succeeded', failures: 0, disruptions: 0, waits: [] },
  ])('by $what is $phase', async ({ end, phase, failures, disruptions, waits }) => {
    const { job, clock, nursery } = jobOf();
    await clock.advance(20_000);
    await end(nursery.last);
    expect(job.observe()).toMatchObject({ phase, failures, disruptions });
    expect(clock.waits).toEqual(waits);
  });

  test('leaves its last message; a kill leaves none', async () => {
    const { job, clock, nursery } = jobOf();
    await nursery.last.exits(1, 'out of memory');
    expect(job.observe().lastError).toEqual({ exitCode: 1, message: 'out of memory' });
    await clock.advance(500);
    await nursery.last.killed();
    expect(job.observe()).toMatchObject({ lastError: null, failures: 1, disruptions: 1 });
  });
});

describe('errors', () => {
  test('are charged up to backoffLimit, each after a wait that doubles', async () => {
    const { job, clock, nursery } = jobOf(3);
    const waits: number[] = [];
    while (job.observe().phase !== 'Failed') {
      await nursery.last.exits(1, 'out of memory');
      waits.push(...clock.waits);
      await clock.advance(clock.waits[0] ?? 0);
    }
    expect(waits).toEqual([500, 1_000, 2_000]);
    expect(job.observe()).toMatchObject({ failures: 4, starts: 4, lastError: { message: 'out of memory' } });
    await clock.advance(120_000);
    job.want('Run', 3);
    expect(nursery.attempts).toBe(4);
  });

  test('fail the job at once with a limit of 0', async () => {
    const { job, nursery } = jobOf(0);
    await nursery.last.exits(1);
    expect(job.observe()).toMatchObject({ phase: 'Failed', failures: 1 });
  });

  test('wait a minute at most', async () => {
    const { clock, nursery } = jobOf(20);
    for (let time = 0; time < 9; time++) {
      await nursery.last.exits(1);
      await clock.advance(clock.waits[0]!);
    }
    await nursery.last.exits(1);
    expect(clock.waits).toEqual([60_000]);
  });

  test('of the start itself are charged as well', async () => {
    const clock = new FakeClock();
    const nursery = new Nursery();
    nursery.broken = 'too many processes';
    const job = new StudentJob({ start: nursery.start, changed: () => undefined, clock, graceMs: 1 });
    job.want('Run', 1);
    expect(job.observe()).toMatchObject({ phase: 'BackingOff', starts: 1, failures: 1 });
    await clock.advance(500);
    expect(job.observe()).toMatchObject({ phase: 'Failed', failures: 2, lastError: { message: 'too many processes' } });
  });
});

describe('kills', () => {
  test('are never charged, however many', async () => {
    const { job, clock, nursery } = jobOf(0);
    for (let time = 0; time < 50; time++) {
      await clock.advance(2_000);
      await nursery.last.killed();
      await clock.advance(clock.waits[0]!);
    }
    expect(job.observe()).toMatchObject({ phase: 'Running', failures: 0, disruptions: 50, starts: 51 });
  });

  test('right after the start cause no busy loop', async () => {
    const { clock, nursery } = jobOf();
    await nursery.last.killed();
    expect(clock.waits).toEqual([500]);
    expect(nursery.attempts).toBe(1);
  });
});

describe('a student that is no longer wanted', () => {
  test('is asked to stop, and is Absent when it is gone', async () => {
    const { job, nursery } = jobOf();
    job.want('Stop', 6);
    expect(nursery.last.asked[0]).toBe(10_000);
    expect(job.observe().phase).toBe('Running');
    await nursery.last.exits(143);
    expect(job.observe()).toMatchObject({ phase: 'Absent', disruptions: 0, failures: 0 });
  });

  test('that has to be killed is not a disruption', async () => {
    const { job, nursery } = jobOf();
    job.want('Stop', 6);
    await nursery.last.killed();
    expect(job.observe()).toMatchObject({ phase: 'Absent', disruptions: 0 });
  });

  test('but finished while it was asked to stop has succeeded', async () => {
    const { job, nursery } = jobOf();
    job.want('Stop', 6);
    await nursery.last.exits(0);
    expect(job.observe().phase).toBe('Succeeded');
  });

  test('and wanted again while it stops is started when the old one is gone, uncharged', async () => {
    const { job, nursery } = jobOf();
    job.want('Stop', 6);
    job.want('Run', 6);
    expect(nursery.attempts).toBe(1);
    await nursery.last.exits(143);
    expect(nursery.names).toEqual(['student-1', 'student-2']);
    expect(job.observe()).toMatchObject({ phase: 'Running', starts: 2, disruptions: 0, failures: 0 });
  });

  test('is not started by a wait in progress', async () => {
    const { job, clock, nursery } = jobOf();
    await nursery.last.exits(1);
    job.want('Stop', 6);
    expect(job.observe().phase).toBe('Absent');
    expect(clock.waits).toEqual([]);
    await clock.advance(60_000);
    expect(nursery.attempts).toBe(1);
    job.want('Run', 6);
    expect(nursery.attempts).toBe(2);
    expect(job.observe()).toMatchObject({ phase: 'Running', failures: 1 });
  });
});

describe('a job that is drained', () => {
  test('waits for its process', async () => {
    const { job, nursery } = jobOf();
    let drained = false;
    const draining = job.drain().then(() => (drained = true));
    await Promise.resolve();
    expect(drained).toBe(false);
    await nursery.last.exits(143);
    await draining;
    expect(job.pid()).toBeNull();
  });

  test('leaves no timer that would start another', async () => {
    const { job, clock, nursery } = jobOf();
    await nursery.last.exits(1);
    await job.drain();
    expect(clock.waits).toEqual([]);
    await clock.advance(60_000);
    expect(nursery.attempts).toBe(1);
  });
});
