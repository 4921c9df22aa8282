/**
 * Least privilege (I7), tried from the outside: what each role must not do is refused by the server itself, whether the
 * server learned the rights from its own configuration or from credentials that the operator signed.
 */
import { jobNames, resultPrefix, type WorkerRole, workerRoles } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { headers, PermissionViolationError } from '@nats-io/transport-node';

import { connectReader, type JobStreamReader, type StreamAdmin } from '../../../src/stream/index.js';
import {
  claimAttempt,
  createReference,
  feed,
  publishFrame,
  publishTeacherState,
  type StreamLink,
} from '../../../workers/stream/index.js';
import { startTestNats, type TestNats } from '../../kit/nats.js';
import { startOperatorNats } from '../../kit/nats-operator.js';
import {
  accessOf,
  connectAdmin,
  connectAs,
  connectPlain,
  connectRoot,
  frameOf,
  objectsOf,
  streamsOf,
  studentState,
  teacherState,
  workItem,
} from '../../kit/stream.js';

const mine = jobNames('mine');
const other = jobNames('other');

async function publishRefusal(link: StreamLink, subject: string, payload = '{}'): Promise<unknown> {
  try {
    await link.connection.request(subject, payload, { timeout: 1_000 });
    return 'allowed';
  } catch (error) {
    return error instanceof Error && error.cause instanceof PermissionViolationError ? 'refused' : error;
  }
}

async function subscribeRefusal(link: StreamLink, subject: string): Promise<unknown> {
  const outcome = Promise.withResolvers<unknown>();
  const subscription = link.connection.subscribe(subject, {
    callback: (error) => outcome.resolve(error instanceof PermissionViolationError ? 'refused' : error),
  });
  // The server answers in order: without a refusal before the flush there is none.
  void link.connection.flush().then(() => setImmediate(() => outcome.resolve('allowed')));
  const found = await outcome.promise;
  subscription.unsubscribe();
  return found;
}

/** What no worker may do, whatever its role. */
const forbiddenToAll = [
  '$JS.API.INFO',
  '$JS.API.STREAM.LIST',
  '$JS.API.STREAM.NAMES',
  ...Object.values(mine.streams).flatMap((stream) => [
    `$JS.API.STREAM.CREATE.${stream}`,
    `$JS.API.STREAM.UPDATE.${stream}`,
    `$JS.API.STREAM.DELETE.${stream}`,
    `$JS.API.STREAM.PURGE.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}`,
    `$JS.API.CONSUMER.CREATE.${stream}.mine`,
    `$JS.API.CONSUMER.CREATE.${stream}.mine.>`,
    `$JS.API.CONSUMER.DURABLE.CREATE.${stream}.mine`,
    `$JS.API.CONSUMER.DELETE.${stream}.teachers`,
  ]),
  `$JS.API.STREAM.DELETE.OBJ_${mine.objectBucket}`,
  `$JS.API.CONSUMER.CREATE.OBJ_${mine.objectBucket}.mine`,
  `$JS.API.STREAM.PURGE.KV_${mine.stateBucket}`,
  // The job next door.
  other.subjects.work(0, 0),
  other.subjects.logits(0, 0),
  other.subjects.dead(0, 0),
  `$KV.${other.stateBucket}.student`,
  `$KV.${other.teacherBucket}.t`,
  `$KV.${other.stateBucket}.reference`,
  `$O.${other.objectBucket}.C.x`,
  `$JS.API.CONSUMER.MSG.NEXT.${other.streams.work}.teachers`,
  `$JS.API.CONSUMER.MSG.NEXT.${other.streams.logits}.student`,
  `$JS.ACK.${other.streams.work}.teachers.1.1.1.1.0`,
  `$JS.ACK._.hash.${other.streams.work}.teachers.1.1.1.1.0.x`,
  `$JS.API.DIRECT.GET.${other.streams.logits}`,
  `$JS.API.DIRECT.GET.${other.streams.logits}.${other.subjects.logits(0, 0)}`,
  `$JS.API.DIRECT.GET.KV_${other.stateBucket}.$KV.${other.stateBucket}.student`,
  `$JS.API.DIRECT.GET.OBJ_${other.objectBucket}`,
  `$JS.API.STREAM.INFO.OBJ_${other.objectBucket}`,
  // Anything else on the server.
  'elsewhere',
  '$SYS.REQ.SERVER.PING',
];

const forbidden = {
  teacher: [
    mine.subjects.work(0, 0),
    `$KV.${mine.stateBucket}.student`,
    // A key more in STATE is a key less for the student.
    `$KV.${mine.stateBucket}.teacher.t`,
    `$JS.API.DIRECT.GET.KV_${mine.teacherBucket}`,
    `$JS.API.DIRECT.GET.KV_${mine.stateBucket}`,
    `$JS.API.DIRECT.GET.KV_${mine.stateBucket}.$KV.${mine.stateBucket}.student`,
    `$JS.API.DIRECT.GET.${mine.streams.logits}`,
    `$JS.API.DIRECT.GET.${mine.streams.work}`,
    `$JS.API.CONSUMER.MSG.NEXT.${mine.streams.logits}.student`,
    `$O.${mine.objectBucket}.C.x`,
    `$JS.API.DIRECT.GET.OBJ_${mine.objectBucket}`,
    `$JS.API.STREAM.PURGE.OBJ_${mine.objectBucket}`,
  ],
  reader: [
    // Of its own job too: it reads objects and nothing else, and changes nothing.
    mine.subjects.work(0, 0),
    mine.subjects.logits(0, 0),
    mine.subjects.dead(0, 0),
    `$KV.${mine.stateBucket}.student`,
    `$KV.${mine.teacherBucket}.t`,
    `$O.${mine.objectBucket}.C.x`,
    `$O.${mine.objectBucket}.M.x`,
    `$JS.API.STREAM.PURGE.OBJ_${mine.objectBucket}`,
    `$JS.API.STREAM.UPDATE.OBJ_${mine.objectBucket}`,
    `$JS.API.STREAM.MSG.DELETE.OBJ_${mine.objectBucket}`,
    `$JS.API.STREAM.MSG.GET.OBJ_${mine.objectBucket}`,
    `$JS.API.CONSUMER.CREATE.OBJ_${mine.objectBucket}.x.$O.${mine.objectBucket}.M.>`,
    `$JS.API.CONSUMER.MSG.NEXT.${mine.streams.work}.teachers`,
    `$JS.API.CONSUMER.MSG.NEXT.${mine.streams.logits}.student`,
    `$JS.ACK.${mine.streams.work}.teachers.1.1.1.1.0`,
    `$JS.API.DIRECT.GET.${mine.streams.logits}`,
    `$JS.API.DIRECT.GET.${mine.streams.logits}.${mine.subjects.logits(0, 0)}`,
    `$JS.API.DIRECT.GET.KV_${mine.stateBucket}.$KV.${mine.stateBucket}.student`,
    `$JS.API.STREAM.INFO.${mine.streams.logits}`,
  ],
  student: [
    mine.subjects.logits(0, 0),
    mine.subjects.dead(0, 0),
    `$KV.${mine.teacherBucket}.t`,
    `$KV.${mine.stateBucket}.reference`,
    `$JS.API.CONSUMER.MSG.NEXT.${mine.streams.work}.teachers`,
    `$JS.ACK.${mine.streams.work}.teachers.1.1.1.1.0`,
  ],
};

describe.each([
  ['named in its configuration', () => startTestNats({ uids: ['mine', 'other'] })],
  ['that bring signed credentials', () => startOperatorNats()],
])('on a server with users %s', (_, start: () => Promise<TestNats>) => {
  let nats: TestNats;
  let admin: StreamAdmin;
  let links: Record<WorkerRole, StreamLink>;
  let reader: JobStreamReader;

  beforeAll(async () => {
    nats = await start();
    admin = await connectAdmin(nats);
    await admin.provision(streamsOf('mine'));
    await admin.provision(streamsOf('other'));
    const link = (role: WorkerRole): Promise<StreamLink> => connectAs(nats, role, 'mine');
    links = { teacher: await link('teacher'), student: await link('student'), reader: await link('reader') };
    reader = await connectReader({ ...accessOf(nats, nats.userFor('reader', 'mine')), uid: 'mine', waitMs: 5_000 });
  });
  afterAll(async () => {
    await Promise.all([...Object.values(links), reader, admin].map((each) => each.close()));
    await nats.stop();
  });

  describe.each(workerRoles)('a %s', (role) => {
    const link = (): StreamLink => links[role];

    test('may not publish where it has no business', async () => {
      const found: Record<string, unknown> = {};
      for (const subject of [...forbiddenToAll, ...forbidden[role]])
        found[subject] = await publishRefusal(link(), subject);
      const allowed = Object.entries(found).filter(([, outcome]) => outcome !== 'refused');
      expect(allowed).toEqual([]);
    });

    test('may not listen anywhere but to its own replies', async () => {
      const colleagues = workerRoles.filter((each) => each !== role);
      for (const subject of [
        '>',
        '_INBOX.>',
        ...colleagues.map((colleague) => `${mine.inboxPrefix(colleague)}.>`),
        `${other.inboxPrefix(role)}.>`,
        '_INBOX_operator.>',
        mine.subjects.allWork,
        mine.subjects.allLogits,
        `$KV.${mine.stateBucket}.>`,
        'distill.mine.state.>',
        other.subjects.allLogits,
        '$JS.EVENT.ADVISORY.>',
      ]) {
        expect([subject, await subscribeRefusal(link(), subject)]).toEqual([subject, 'refused']);
      }
      expect(await subscribeRefusal(link(), `${mine.inboxPrefix(role)}.anything`)).toBe('allowed');
    });
  });

  test('no teacher can wipe what others wrote by a roll-up', async () => {
    const { teacher, student } = links;
    await claimAttempt(student, mine, 0, (attempt) => studentState({ attempt }));
    const rollUp = headers();
    rollUp.set('Nats-Rollup', 'all');
    const wipe = teacher.client.publish(`$KV.${mine.teacherBucket}.t`, '{}', { headers: rollUp });
    await expect(wipe).rejects.toMatchObject({ name: 'JetStreamApiError' });
    const wipeLogits = teacher.client.publish(mine.subjects.logits(0, 99), '{}', { headers: rollUp });
    await expect(wipeLogits).rejects.toMatchObject({ name: 'JetStreamApiError' });
    expect(await admin.observe('mine')).toMatchObject({ state: 'Present', student: { attempt: 1 } });
  });

  test('each role can do all of its own work with these rights', async () => {
    const { teacher, student } = links;
    await feed(student, mine, workItem(1));
    await publishFrame(teacher, mine, { shard: 0, step: 1 }, frameOf(1));
    await publishTeacherState(teacher, mine, teacherState('t-1'));
    const reference = { teacherDigest: '0123456789abcdef', columns: 1, indices: [0], logits: [[1]] };
    expect(await createReference(teacher, mine, reference)).toEqual(reference);
    const store = objectsOf(student, mine);
    await store.put('a', Uint8Array.of(1, 2, 3));
    await store.sweep();
    expect(await store.get('a')).toEqual(Uint8Array.of(1, 2, 3));
    await store.delete('a');
    expect(await store.list()).toEqual([]);
  });

  test('a reader brings home what the student stored, piece by piece, and sees when it was tampered with', async () => {
    const store = objectsOf(links.student, mine);
    const blob = Uint8Array.from({ length: 600_000 }, (_, at) => (at * 7 + (at >> 8)) & 255);
    await store.put(`${resultPrefix}weights.bin`, blob);
    await store.put(`${resultPrefix}empty`, new Uint8Array());
    const listed = await reader.list();
    expect(listed.map(({ name, bytes }) => [name, bytes])).toEqual([
      [`${resultPrefix}weights.bin`, 600_000],
      [`${resultPrefix}empty`, 0],
    ]);
    expect((await contentOf(`${resultPrefix}weights.bin`)).equals(Buffer.from(blob))).toBe(true);
    expect(await contentOf(`${resultPrefix}empty`)).toHaveLength(0);
    await expect(contentOf('nothing')).rejects.toMatchObject({ reason: 'missing' });

    const { connection, manager } = await connectRoot(nats);
    const [piece] = Object.keys(
      (await manager.streams.info(`OBJ_${mine.objectBucket}`, { subjects_filter: '>' })).state.subjects ?? {},
    ).filter((subject) => subject.includes('.C.'));
    await manager.streams.purge(`OBJ_${mine.objectBucket}`, { filter: piece ?? '' });
    for (const part of [262_144, 262_144, 75_712]) await manager.jetstream().publish(piece ?? '', new Uint8Array(part));
    await connection.close();
    await expect(contentOf(`${resultPrefix}weights.bin`)).rejects.toMatchObject({ reason: 'damaged' });
  });

  test('a reader whose job has no streams any more hears so', async () => {
    const { connection, manager } = await connectRoot(nats);
    await manager.streams.delete(`OBJ_${other.objectBucket}`);
    await connection.close();
    const access = nats.userFor('reader', 'other');
    const gone = await connectReader({ ...accessOf(nats, access), uid: 'other', waitMs: 5_000 });
    await expect(gone.list()).rejects.toMatchObject({ reason: 'missing' });
    await gone.close();
  });

  test('the operator may do what it uses and no more', async () => {
    const connection = await connectPlain(nats, nats.operator);
    for (const subject of [
      mine.subjects.work(0, 0),
      mine.subjects.logits(0, 0),
      `$O.${mine.objectBucket}.C.x`,
      '$JS.API.STREAM.NAMES',
      `$JS.API.STREAM.MSG.GET.${mine.streams.logits}`,
      `$JS.API.CONSUMER.MSG.NEXT.${mine.streams.work}.teachers`,
      `$JS.API.CONSUMER.DELETE.${mine.streams.work}.teachers`,
      'elsewhere',
    ]) {
      const outcome = connection.request(subject, '{}', { timeout: 1_000 });
      await expect(outcome).rejects.toMatchObject({ cause: expect.any(PermissionViolationError) });
    }
    // What its account may reserve, for the sentence about a stream that has no room.
    expect((await connection.request('$JS.API.INFO', '')).json()).toMatchObject({
      reserved_storage: expect.any(Number),
    });
    await connection.close();
  });

  async function contentOf(name: string): Promise<Buffer> {
    const pieces: Uint8Array[] = [];
    for await (const piece of reader.read(name)) pieces.push(piece);
    return Buffer.concat(pieces);
  }
});
