/** A pool of teachers keeps its number: replaced when killed, after a wait when they fail, the newest go first. */
import { describe, expect, test } from '@jest/globals';

import { TeacherPool } from '../../../src/cluster/local/teacher-pool.js';
import { FakeClock, settled } from '../../kit/clock.js';
import { Nursery } from './fake-child.js';

function poolOf(replicas: number) {
  const clock = new FakeClock();
  const nursery = new Nursery();
  let changes = 0;
  const pool = new TeacherPool({
    name: 'cpu',
    start: nursery.start,
    changed: () => (changes += 1),
    clock,
    graceMs: 4_000,
  });
  pool.scaleTo(replicas);
  const pods = (): string =>
    pool
      .observe()
      .pods.map(({ name, terminating }) => name + (terminating ? '!' : ''))
      .join(' ');
  return { pool, clock, nursery, pods, changes: () => changes };
}

describe('a pool', () => {
  test('starts as many teachers as wanted, once', () => {
    const { pool, nursery, pods } = poolOf(2);
    pool.scaleTo(2);
    expect(nursery.names).toEqual(['cpu-0', 'cpu-1']);
    expect(pods()).toBe('cpu-0 cpu-1');
    expect(pool.pids()).toEqual([1_000, 1_001]);
  });

  test('asks the newest to stop first, and holds its slot until it is gone', async () => {
    const { pool, nursery, pods } = poolOf(3);
    pool.scaleTo(1);
    expect(pods()).toBe('cpu-0 cpu-1! cpu-2!');
    expect(nursery.children.map(({ asked }) => asked)).toEqual([[], [4_000], [4_000]]);
    expect(pool.held).toBe(3);
    await nursery.child('cpu-2').exits(143);
    expect([pool.held, pods()]).toEqual([2, 'cpu-0 cpu-1!']);
  });

  test('replaces no teacher that was asked to stop, however it ends', async () => {
    const { pool, nursery, pods } = poolOf(2);
    pool.scaleTo(1);
    await nursery.child('cpu-1').exits(1, 'fell while stopping');
    expect(pods()).toBe('cpu-0');
    expect(pool.observe()).toMatchObject({ disruptions: 0, lastError: null });
  });

  test('starts others beside those that are still stopping', () => {
    const { pool, pods } = poolOf(2);
    pool.scaleTo(0);
    pool.scaleTo(1);
    expect(pods()).toBe('cpu-0! cpu-1! cpu-2');
  });

  test('gives every teacher a name of its own', async () => {
    const { nursery } = poolOf(1);
    await nursery.last.killed();
    await nursery.last.killed();
    expect(new Set(nursery.names).size).toBe(nursery.names.length);
  });

  test('reports every start and every end', async () => {
    const { nursery, changes } = poolOf(2);
    expect(changes()).toBe(2);
    await nursery.child('cpu-0').killed();
    expect(changes()).toBe(4);
  });

  test('counts the seconds for which slots were held, ended teachers included', async () => {
    const { pool, nursery, clock } = poolOf(2);
    await clock.advance(10_000);
    pool.scaleTo(1);
    await clock.advance(2_000);
    await nursery.child('cpu-1').exits(143);
    await clock.advance(3_000);
    expect(pool.slotSeconds()).toBe(12 + 15);
  });
});

describe('a teacher that is killed', () => {
  test('is replaced at once and is no error', async () => {
    const { pool, nursery, pods, clock } = poolOf(2);
    await clock.advance(60_000);
    await nursery.child('cpu-0').killed();
    expect(pods()).toBe('cpu-1 cpu-2');
    expect(pool.observe()).toMatchObject({ disruptions: 1, lastError: null });
    expect(clock.waits).toEqual([]);
  });

  test('by a foreign SIGTERM counts alike', async () => {
    const { pool, nursery, pods } = poolOf(1);
    await nursery.last.exits(143);
    expect(pods()).toBe('cpu-1');
    expect(pool.observe().lastError).toBeNull();
  });

  test('repeatedly right after its start is replaced once a second, not in a busy loop', async () => {
    const { nursery, clock } = poolOf(1);
    await nursery.last.killed();
    expect(nursery.attempts).toBe(2);
    await nursery.last.killed();
    expect(nursery.attempts).toBe(2);
    expect(clock.waits).toEqual([1_000]);
    await clock.advance(1_000);
    expect(nursery.attempts).toBe(3);
  });

  test('clears the old error', async () => {
    const { pool, nursery, clock } = poolOf(1);
    await nursery.last.exits(1, 'no memory');
    await clock.advance(500);
    await nursery.last.killed();
    expect(pool.observe().lastError).toBeNull();
  });
});

describe('a teacher that fails', () => {
  test('is replaced after a wait that doubles up to half a minute', async () => {
    const { nursery, clock, pool } = poolOf(1);
    const waits: number[] = [];
    for (let time = 0; time < 8; time++) {
      await nursery.last.exits(1, 'no memory');
      waits.push(...clock.waits);
      await clock.advance(clock.waits[0]!);
    }
    expect(waits).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(pool.observe()).toMatchObject({ disruptions: 8, lastError: { exitCode: 1, message: 'no memory' } });
  });

  test('by a fault of its own, such as a broken pointer, waits like any other', async () => {
    const { pool, nursery, clock } = poolOf(1);
    await nursery.last.killed('SIGSEGV');
    expect(nursery.attempts).toBe(1);
    expect(clock.waits).toEqual([500]);
    expect(pool.observe().lastError).toEqual({ exitCode: null, message: 'ended by SIGSEGV' });
  });

  test('with others at the same time costs one wait, after which all come back', async () => {
    const { nursery, clock, pods } = poolOf(3);
    for (const child of [...nursery.children]) await child.exits(1);
    expect(clock.waits).toEqual([500]);
    await clock.advance(500);
    expect(pods()).toBe('cpu-3 cpu-4 cpu-5');
    for (const child of nursery.children.slice(3)) await child.exits(1);
    expect(clock.waits).toEqual([1_000]);
  });

  test('holds up the growth of the pool until its wait is over', async () => {
    const { pool, nursery, clock } = poolOf(1);
    await nursery.last.exits(1);
    pool.scaleTo(3);
    expect(nursery.attempts).toBe(1);
    await clock.advance(500);
    expect(nursery.attempts).toBe(4);
  });

  test('after half a minute of work starts the waits over', async () => {
    const { nursery, clock } = poolOf(1);
    for (let time = 0; time < 4; time++) {
      await nursery.last.exits(1);
      await clock.advance(clock.waits[0]!);
    }
    await clock.advance(30_000);
    await nursery.last.exits(1);
    expect(clock.waits).toEqual([500]);
  });

  test('to start at all is retried once a wait, not once for each missing teacher', async () => {
    const clock = new FakeClock();
    const nursery = new Nursery();
    nursery.broken = 'too many processes';
    const pool = new TeacherPool({ name: 'cpu', start: nursery.start, changed: () => undefined, clock, graceMs: 1 });
    pool.scaleTo(4);
    expect(nursery.attempts).toBe(1);
    expect(pool.observe()).toMatchObject({ pods: [], lastError: { exitCode: null, message: 'too many processes' } });
    nursery.broken = null;
    await clock.advance(500);
    expect(nursery.names).toHaveLength(4);
  });
});

describe('a pool that is drained', () => {
  test('resolves when the last teacher is gone', async () => {
    const { pool, nursery } = poolOf(2);
    let drained = false;
    const draining = pool.drain().then(() => (drained = true));
    await nursery.child('cpu-0').exits(143);
    expect(drained).toBe(false);
    await nursery.child('cpu-1').killed();
    await draining;
    expect(pool.held).toBe(0);
  });

  test('starts nothing more and leaves no timer', async () => {
    const { pool, nursery, clock } = poolOf(2);
    await nursery.child('cpu-0').exits(1);
    const draining = pool.drain();
    await nursery.child('cpu-1').exits(1);
    await draining;
    expect(clock.waits).toEqual([]);
    await clock.advance(120_000);
    await settled();
    expect(nursery.attempts).toBe(2);
  });
});
