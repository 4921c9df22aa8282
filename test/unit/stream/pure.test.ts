/** The pure parts of the stream room: versions, addresses, permissions, configurations. */
import { jobNames, workerRoles } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { permissionsFor } from '../../../src/stream/access/permissions.js';
import { serverConfiguration } from '../../../src/stream/server/config.js';
import { isAtLeast } from '../../../src/stream/server/probe.js';
import { jobStreams } from '../../../src/stream/job/streams.js';
import { deliveryOf, frameIdOf } from '../../../workers/stream/delivery.js';

test.each([
  ['2.10.0', '2.10.0', true],
  ['2.9.10', '2.10.0', false],
  ['2.14.5', '2.10.0', true],
  ['3.0.0', '2.10.9', true],
  ['2.10.0-RC.1', '2.10.0', true],
  ['1.99.99', '2.0.0', false],
  ['nonsense', '2.10.0', false],
])('version %s is at least %s: %s', (version, minimum, want) => {
  expect(isAtLeast(version, minimum)).toBe(want);
});

describe('permissions', () => {
  const everything = (uid: string): string[] =>
    workerRoles.flatMap((role) => {
      const { publish, subscribe } = permissionsFor(role, jobNames(uid));
      return [...publish, ...subscribe];
    });

  test('of a worker name its own job in every line', () => {
    for (const subject of everything('my-job')) expect(subject).toContain('my-job');
  });

  test('of a worker hold no right to make or delete a stream or a consumer', () => {
    for (const subject of everything('my-job')) expect(subject).not.toMatch(/CREATE|DELETE|UPDATE|DURABLE/);
  });

  test('of a reader only ask', () => {
    const { publish } = permissionsFor('reader', jobNames('my-job'));
    const asks = [
      ...['DIRECT.GET', 'STREAM.INFO'].map((verb) => `$JS.API.${verb}.OBJ_DISTILL_my-job_CKPT`),
      '$JS.API.DIRECT.GET.KV_DISTILL_my-job_STATE.$KV.DISTILL_my-job_STATE.history',
    ];
    for (const subject of publish) expect(asks).toContain(subject.replace(/\.>$/, ''));
  });

  test('of the ranks of a student differ by their own consumer and key, and the first alone owns the checkpoint', () => {
    const names = jobNames('my-job');
    const rightsOf = (ranks: readonly number[]): readonly string[] => permissionsFor('student', names, ranks).publish;
    expect(permissionsFor('student', names)).toEqual(permissionsFor('student', names, [0]));
    const own = (rank: string): string[] => [
      `$JS.API.CONSUMER.MSG.NEXT.DISTILL_my-job_LOGITS.${rank}`,
      `$KV.DISTILL_my-job_STATE.${rank}`,
    ];
    expect(rightsOf([0])).toEqual(expect.arrayContaining(own('student')));
    expect(rightsOf([1]).filter((subject) => subject.includes('student'))).toEqual(own('student-1'));
    expect(rightsOf([0, 1])).toEqual(expect.arrayContaining([...own('student'), ...own('student-1')]));
    const ofCheckpoints = (subject: string): boolean => subject.includes('_CKPT');
    expect(rightsOf([0]).filter(ofCheckpoints)).toHaveLength(5);
    expect(rightsOf([0, 1]).filter(ofCheckpoints)).toHaveLength(5);
    expect(rightsOf([1, 2]).filter(ofCheckpoints)).toEqual([]);
  });

  test('never reach from one job to another whose name begins alike', () => {
    const short = everything('job');
    const long = everything('job-2');
    expect(short.filter((subject) => long.includes(subject))).toEqual([]);
  });
});

describe('the streams of a job', () => {
  const { streams, consumers } = jobStreams({
    names: jobNames('job'),
    maxBytes: 1_000,
    storage: 'Memory',
    replicas: 3,
    windowBound: 77,
  });

  test('are all bounded in bytes and replicated as asked', () => {
    for (const stream of streams) {
      expect(stream.max_bytes).toBeGreaterThan(0);
      expect(stream.num_replicas).toBe(3);
    }
  });

  test('keep what cannot be computed again on disk, whatever the storage of the logits', () => {
    const inMemory = streams.filter(({ storage }) => storage === 'memory').map(({ name }) => name);
    expect(inMemory).toEqual(['DISTILL_job_WORK', 'DISTILL_job_LOGITS']);
  });

  test('have one consumer of logits for each rank of the student; the first has no number', () => {
    const consumersFor = (ranks?: readonly number[]): string[] =>
      jobStreams({
        names: jobNames('job'),
        maxBytes: 1_000,
        storage: 'Memory',
        replicas: 1,
        windowBound: 1,
        ...(ranks === undefined ? {} : { ranks }),
      }).consumers.flatMap(({ stream, config }) => (stream === 'DISTILL_job_LOGITS' ? [config.durable_name] : []));
    expect(consumersFor()).toEqual(['student']);
    expect(consumersFor([0, 1, 2])).toEqual(['student', 'student-1', 'student-2']);
  });

  test('hold one item and one answer a step, and refuse the second', () => {
    for (const stream of streams.slice(0, 2)) {
      expect(stream).toMatchObject({ max_msgs_per_subject: 1, discard: 'new', discard_new_per_subject: true });
    }
    expect(streams[0]).toMatchObject({ retention: 'workqueue', max_msgs: 77 });
    expect(streams[1]).toMatchObject({ retention: 'limits', max_bytes: 1_000, allow_direct: true });
  });

  test('never lose an item at a limit of deliveries', () => {
    expect(consumers[0]?.config).toMatchObject({ ack_policy: 'explicit', max_deliver: -1, ack_wait: 3_000_000_000 });
    expect(consumers[1]?.config).toMatchObject({ ack_policy: 'none', deliver_policy: 'all' });
  });
});

test('a server configuration listens on the given address and accepts unusual folder names', () => {
  const text = serverConfiguration({
    serverName: 's',
    host: '127.0.0.1',
    port: 4444,
    storeFolder: '/tmp/a "quoted" folder\\with $signs',
    logFile: '/tmp/log',
    users: [{ user: 'u', password: 'p', permissions: { publish: ['a.>'], subscribe: ['b.>'] } }],
  });
  expect(JSON.parse(text)).toMatchObject({
    listen: '127.0.0.1:4444',
    jetstream: { store_dir: '/tmp/a "quoted" folder\\with $signs' },
    authorization: { users: [{ permissions: { publish: { allow: ['a.>'] }, subscribe: { allow: ['b.>'] } } }] },
  });
});

test.each([
  ['$JS.ACK.STREAM.teachers.3.17.9.1700000000000000000.0', { deliveries: 3, sequence: 17 }],
  ['$JS.ACK._.hash.STREAM.teachers.4.18.9.1700000000000000000.0.token', { deliveries: 4, sequence: 18 }],
])('both forms of an acknowledgement subject are read: %s', (reply, want) => {
  expect(deliveryOf(reply)).toEqual(want);
});

test('a place is read from the end of a subject', () => {
  expect(frameIdOf('distill.uid.work.2.17')).toEqual({ shard: 2, step: 17 });
  expect(frameIdOf('distill.uid.work.x')).toEqual({ shard: NaN, step: NaN });
});
