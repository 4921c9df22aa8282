/** How full a real server is, as the operator reads it through its user of the system account. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import { jetstreamManager } from '@nats-io/jetstream';

import {
  type ConnectionEvent,
  type NamespaceAccounts,
  type NamespaceAccountsOptions,
  openStreams,
  passwordIssuer,
  permissionsForSystem,
  SharedAccount,
} from '../../../src/stream/index.js';
import { OperatorLink } from '../../../src/stream/link/index.js';
import { noAccountLimits, openNamespaceAccounts } from '../../kit/namespace-accounts.js';
import { startTestNats } from '../../kit/nats.js';
import { type OperatorNats, startOperatorNats } from '../../kit/nats-operator.js';
import { connectPlain } from '../../kit/stream.js';
import { until } from '../../kit/until.js';

const MiB = 1024 * 1024;
const store = { fileBytes: 512 * MiB, memoryBytes: 64 * MiB };
const empty = [
  { storage: 'file', usedBytes: 0, reservedBytes: 0, limitBytes: store.fileBytes },
  { storage: 'memory', usedBytes: 0, reservedBytes: 0, limitBytes: store.memoryBytes },
];

let nats: OperatorNats;
const closers: { close(): Promise<void> }[] = [];

beforeAll(async () => {
  nats = await startOperatorNats({ store });
});
afterEach(async () => {
  await Promise.all(closers.splice(0).map((each) => each.close()));
});
afterAll(() => nats.stop());

function opened(changes: Partial<NamespaceAccountsOptions> = {}): NamespaceAccounts {
  const home = openNamespaceAccounts(nats, changes);
  closers.push(home);
  return home;
}

describe('the storage of a server', () => {
  test('is read before any namespace has an account', async () => {
    expect(await opened().serverStorage()).toEqual(empty);
  });

  test('counts what the streams of all accounts reserve, and what they store', async () => {
    const home = opened();
    for (const [namespace, storage] of [
      ['team-a', 'file'],
      ['team-b', 'memory'],
    ] as const) {
      const admin = await home.adminOf(namespace);
      await until('the account', () => admin.health.connected);
      const connection = await connectPlain(nats, nats.rootOf(namespace));
      closers.push(connection);
      const manager = await jetstreamManager(connection);
      await manager.streams.add({ name: 'LARGE', subjects: ['large'], storage, max_bytes: 60 * MiB });
      await manager.jetstream().publish('large', new Uint8Array(1_000));
    }
    const [file, memory] = await home.serverStorage();
    expect(file).toMatchObject({ storage: 'file', reservedBytes: 60 * MiB, limitBytes: store.fileBytes });
    expect(memory).toMatchObject({ storage: 'memory', reservedBytes: 60 * MiB, limitBytes: store.memoryBytes });
    for (const { usedBytes = 0 } of [file!, memory!]) {
      expect(usedBytes).toBeGreaterThan(1_000);
      expect(usedBytes).toBeLessThan(2_000);
    }
    // The figure that counts: the server refuses the next stream although its memory is all but empty.
    const manager = await jetstreamManager(closers.at(-1) as Parameters<typeof jetstreamManager>[0]);
    await expect(
      manager.streams.add({ name: 'NEXT', subjects: ['next'], storage: 'memory', max_bytes: 8 * MiB }),
    ).rejects.toThrow('insufficient memory resources available');
  });

  test('counts streams, and not what an account may reserve', async () => {
    const before = await opened().serverStorage();
    const home = opened({ limitsOf: () => ({ ...noAccountLimits, storageBytes: 100 * MiB }) });
    const admin = await home.adminOf('team-limited');
    await until('the account', () => admin.health.connected);
    expect(await admin.storage()).toMatchObject({ limitBytes: 100 * MiB });
    expect(await home.serverStorage()).toEqual(before);
  });

  test('is unknown while NATS is away, and known again afterwards', async () => {
    const home = opened();
    expect(await home.serverStorage()).toHaveLength(2);
    await nats.kill();
    await until('the loss', () => !home.connected);
    expect(await home.serverStorage()).toEqual([]);
    await nats.restart();
    await until('the connection', () => home.connected);
    expect(await home.serverStorage()).toHaveLength(2);
  });
});

test('a user without the right is refused once a connection, which the operator reports', async () => {
  const publish = permissionsForSystem.publish.filter((subject) => !subject.endsWith('JSZ'));
  const systemCreds = await nats.systemCredsWith({ ...permissionsForSystem, publish });
  const events: ConnectionEvent[] = [];
  const home = opened({ systemCreds: () => systemCreds, onStatus: (_namespace, event) => events.push(event) });
  expect([await home.serverStorage(), await home.serverStorage(), await home.serverStorage()]).toEqual([[], [], []]);
  expect(events.filter(({ kind }) => kind === 'error').map((event) => 'message' in event && event.message)).toEqual([
    'Permissions Violation for Publish to "$SYS.REQ.SERVER.PING.JSZ"',
    "storage of the NATS servers: the system account's user may not publish to $SYS.REQ.SERVER.PING.JSZ. Give it the rights of docs/operator.md.",
  ]);
  // What it may do, it still does.
  const admin = await home.adminOf('team-old');
  await until('the account', () => admin.health.connected);
});

test('one account for all namespaces gives no right to ask the server', async () => {
  const plain = await startTestNats({ maxFileStore: store.fileBytes });
  try {
    const admin = openStreams({ url: plain.url, ...plain.operator });
    const home = new SharedAccount(admin, passwordIssuer({ url: plain.url, user: 'worker', password: 'secret' }));
    closers.push(home);
    await until('the connection', () => home.connected);
    expect(await home.serverStorage()).toEqual([]);
    expect(await home.storage()).toHaveLength(1);
  } finally {
    await plain.stop();
  }
});

test('the answers that are kept are bounded, in length and number', async () => {
  const servers = await connectPlain(nats, { creds: nats.rootCreds, inboxPrefix: '_INBOX' });
  closers.push(servers);
  const answerWith = (subject: string, answers: readonly string[]): void => {
    for (const answer of answers)
      servers.subscribe(subject, { callback: (_error, asked) => void asked.respond(answer) });
  };
  answerWith('few', ['one', 'x'.repeat(65_537), 'three']);
  answerWith(
    'many',
    Array.from({ length: 300 }, () => 'answer'),
  );
  await servers.flush();
  const link = await OperatorLink.connect({ url: nats.url, creds: nats.rootCreds, waitMs: 5_000 });
  closers.push(link);
  expect((await link.requestAll('few')).sort()).toEqual(['one', 'three']);
  expect(await link.requestAll('many')).toHaveLength(256);
  await expect(link.requestAll('none')).rejects.toThrow('no responders');
});
