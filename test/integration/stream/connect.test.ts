/** Connecting when it cannot work: each a typed error with a sentence and a remedy, none a hang. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { connectStreams, findNatsServer, type FindOptions } from '../../../src/stream/index.js';
import { launchNatsServer, type NatsServer } from '../../../src/stream/server/start.js';
import { connectWorker } from '../../../workers/stream/index.js';
import { type PasswordLogin, startTestNats, testServerBinary, type TestNats } from '../../kit/nats.js';
import { quietLog, systemClock, workerLogin } from '../../kit/stream.js';

let nats: TestNats<PasswordLogin>;
beforeAll(async () => {
  nats = await startTestNats({ uids: ['job'] });
});
afterAll(() => nats.stop());

const closers: (() => void)[] = [];
afterAll(() => closers.forEach((close) => close()));

/** A server on loopback that greets with `greeting` and then, like a real one, answers PING. */
async function greeter(greeting: string): Promise<string> {
  const server: Server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      if (data.toString().includes('PING')) socket.write('PONG\r\n');
    });
    socket.write(greeting);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closers.push(() => server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return `nats://127.0.0.1:${address.port}`;
}

const info = (fields: object): string =>
  `INFO ${JSON.stringify({ server_id: 'x', server_name: 'x', proto: 1, max_payload: 1_048_576, ...fields })}\r\n`;

const worker = { inboxPrefix: '_INBOX_x', name: 'w', clock: systemClock, log: quietLog };
const anyLogin = { kind: 'password', user: 'u', password: 'p' } as const;

const finding = (changes: Partial<FindOptions>): FindOptions => ({
  url: undefined,
  path: '',
  cacheFolder: '/nonexistent',
  platform: process.platform,
  arch: process.arch,
  environment: {},
  progress: () => undefined,
  stop: new AbortController().signal,
  nowMs: Date.now(),
  ...changes,
});

describe('the operator', () => {
  test.each([
    ['a server that is too old', info({ version: '2.9.10', jetstream: true }), 'tooOld', /2\.9\.10.*2\.10\.0.*Upgrade/],
    ['a server without JetStream', info({ version: '2.14.5' }), 'noJetStream', /-js/],
    ['something that is no NATS server', 'SSH-2.0-OpenSSH_9.6\r\n', 'unreachable', /Check that/],
  ])('refuses %s', async (_, greeting, reason, sentence) => {
    const url = await greeter(greeting);
    const connecting = connectStreams({ url, waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ reason, message: expect.stringMatching(sentence) });
    const found = findNatsServer(finding({ url }));
    await expect(found).rejects.toMatchObject({ reason });
  });

  test('says that a password is wrong without showing it', async () => {
    const connecting = connectStreams({ url: nats.url, user: 'operator', password: 'wrong-secret', waitMs: 5_000 });
    await expect(connecting).rejects.toMatchObject({ reason: 'unauthorized' });
    await expect(connecting).rejects.not.toThrow(/wrong-secret/);
  });

  test.each(['tls://', 'TLS://', 'Tls://'])('that is given %s does not take a server without TLS', async (scheme) => {
    const connecting = connectStreams({ url: nats.url.replace('nats://', scheme), ...nats.operator, waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ reason: 'unreachable', message: expect.stringMatching(/tls/) });
  });

  test('that is given one TLS:// in a list takes no server of it without TLS', async () => {
    const url = `${nats.url},TLS://127.0.0.1:1`;
    await expect(connectStreams({ url, ...nats.operator, waitMs: 300 })).rejects.toMatchObject({
      reason: 'unreachable',
    });
  });

  test.each([
    ['is closed', () => Promise.resolve('nats://127.0.0.1:1')],
    ['says nothing', () => greeter('')],
    ['is too old', () => greeter(info({ version: '2.9.10', jetstream: true }))],
  ])(
    'goes on to the next server of a list when one %s',
    async (_, other) => {
      const url = `${await other()},${nats.url}`;
      expect(await findNatsServer(finding({ url }))).toMatchObject({ kind: 'running', version: expect.any(String) });
    },
    120_000,
  );

  test('connects to the server of a list that is there', async () => {
    const url = `nats://127.0.0.1:1,${nats.url},nats://127.0.0.1:2`;
    const admin = await connectStreams({ url, ...nats.operator, waitMs: 5_000 });
    expect(admin.health).toEqual({ connected: true });
    await admin.close();
  });

  test('names every server of a list of which none can be used', async () => {
    const url = `nats://127.0.0.1:1,${await greeter(info({ version: '2.14.5' }))}`;
    await expect(findNatsServer(finding({ url }))).rejects.toThrow(
      /127\.0\.0\.1:1: .*ECONNREFUSED[^]*JetStream is off/,
    );
  });

  test('leaves a server that says nothing as soon as it is stopped', async () => {
    const stop = new AbortController();
    const found = findNatsServer(finding({ url: await greeter(''), stop: stop.signal }));
    stop.abort();
    await expect(found).rejects.toBe(stop.signal.reason);
    const connecting = connectStreams({ url: await greeter(''), waitMs: 600_000, stop: stop.signal });
    await expect(connecting).rejects.toBe(stop.signal.reason);
  });

  test('gives up on a closed port within its limit', async () => {
    const connecting = connectStreams({ url: 'nats://127.0.0.1:1', waitMs: 500 });
    await expect(connecting).rejects.toMatchObject({ reason: 'unreachable' });
  });

  test('takes the server that the URL names when it is good', async () => {
    const lines: string[] = [];
    const found = await findNatsServer(finding({ url: nats.url, progress: (line) => lines.push(line) }));
    expect(found).toMatchObject({ kind: 'running' });
    expect(found.kind === 'running' && String(found.address)).toBe(nats.url);
    expect(lines).toEqual([]);
  });
});

describe('a worker', () => {
  test('whose password is wrong keeps trying, and in the end the job is not to blame', async () => {
    const login = { kind: 'password', user: 'teacher-job', password: 'wrong-secret' } as const;
    const connecting = connectWorker({ ...worker, login, url: nats.url, waitMs: 500 });
    await expect(connecting).rejects.toMatchObject({ reason: 'unreachable' });
    await expect(connecting).rejects.toThrow(/refuses the given user or its password/);
    await expect(connecting).rejects.not.toThrow(/wrong-secret/);
  });

  test('ends as unreachable after its limit', async () => {
    const connecting = connectWorker({ ...worker, login: anyLogin, url: 'nats://127.0.0.1:1', waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ reason: 'unreachable' });
  });

  test.each(['tls://', 'TLS://'])('that is given %s does not take a server without TLS', async (scheme) => {
    const login = workerLogin(nats.userFor('teacher', 'job'));
    const url = nats.url.replace('nats://', scheme);
    const connecting = connectWorker({ ...worker, login, url, waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ reason: 'unreachable' });
  });

  test('connects to the server of a list that is there', async () => {
    const { inboxPrefix, ...login } = nats.userFor('teacher', 'job');
    const url = `nats://127.0.0.1:1,${nats.url}`;
    const link = await connectWorker({
      ...worker,
      inboxPrefix,
      login: { kind: 'password', ...login },
      url,
      waitMs: 5_000,
    });
    expect(link.connected).toBe(true);
    await link.close();
  });

  test('waits for a server that comes up within the limit', async () => {
    const { inboxPrefix, ...login } = nats.userFor('teacher', 'job');
    await nats.kill();
    const connecting = connectWorker({
      ...worker,
      inboxPrefix,
      login: { kind: 'password', ...login },
      url: nats.url,
      waitMs: 20_000,
    });
    await nats.restart();
    const link = await connecting;
    expect(link.connected).toBe(true);
    await link.close();
  });
});

/** Logins as people have them, in a server of accounts of which one has no JetStream. */
describe('a login in the address', () => {
  const users = { plain: 'secret', slash: 'pa/ss', pct: '100%', hash: 'a#b', comma: 'a,b', at: 'r@ght', colon: 'a:b' };
  let folder: string;
  let server: NatsServer;
  let tokenServer: NatsServer;
  beforeAll(async () => {
    const binary = await testServerBinary();
    folder = await mkdtemp(join(tmpdir(), 'distillery-logins-'));
    const launch = (name: string, settings: object): Promise<NatsServer> =>
      launchNatsServer({
        binary,
        folder: join(folder, name),
        serverName: name,
        configuration: ({ serverName, host, port, storeFolder, logFile }) =>
          JSON.stringify({
            server_name: serverName,
            listen: `${host}:${String(port)}`,
            jetstream: { store_dir: storeFolder },
            log_file: logFile,
            ...settings,
          }),
      });
    const logins = Object.entries(users).map(([user, password]) => ({ user, password }));
    const without = { users: [{ user: 'none', password: 'none' }] };
    server = await launch('logins', { accounts: { JOBS: { jetstream: 'enabled', users: logins }, OTHER: without } });
    tokenServer = await launch('token', { authorization: { token: 's3cr3t/tok' } });
  });
  afterAll(async () => {
    await server.stop();
    await tokenServer.stop();
    await rm(folder, { recursive: true, force: true });
  });

  const withLogin = (url: string, login: string): string => url.replace('nats://', `nats://${login}@`);

  test.each(Object.entries(users))('of user %s is used when it is encoded', async (user, password) => {
    const url = withLogin(server.url, `${user}:${encodeURIComponent(password)}`);
    const admin = await connectStreams({ url, waitMs: 5_000 });
    expect(await admin.observe('job')).toEqual({ state: 'Absent' });
    await admin.close();
  });

  test.each([
    ['slash:pa/ss', /write \/ as %2F/],
    ['pct:100%', /the percent-encoding of its user, password or token is wrong/],
    ['hash:a#b', /# as %23/],
    ['comma:a,b', /a comma as %2C/],
  ])('%s is refused with what to write, and not shown', async (login, sentence) => {
    const found = findNatsServer(finding({ url: withLogin(server.url, login) }));
    await expect(found).rejects.toMatchObject({ reason: 'unreachable', message: expect.stringMatching(sentence) });
    await expect(found).rejects.toThrow(/^DISTILL_NATS_URL: /);
    await expect(found).rejects.not.toThrow(/slash|pa\/ss|100%|hash|a#b|comma:|a,b/);
  });

  test('may be a token, for the operator and for a worker', async () => {
    const url = withLogin(tokenServer.url, 's3cr3t%2Ftok');
    const admin = await connectStreams({ url, waitMs: 5_000 });
    expect(admin.health).toEqual({ connected: true });
    await admin.close();
    const login = { kind: 'token', token: 's3cr3t/tok' } as const;
    const link = await connectWorker({ ...worker, login, url: tokenServer.url, waitMs: 5_000 });
    expect(link.connected).toBe(true);
    await link.close();
    const wrong = connectStreams({ url: withLogin(tokenServer.url, 'mistaken'), waitMs: 5_000 });
    await expect(wrong).rejects.toMatchObject({ reason: 'unauthorized' });
    await expect(wrong).rejects.not.toThrow(/mistaken/);
  });

  test('of an account without JetStream gets the sentence that says so', async () => {
    const admin = await connectStreams({ url: withLogin(server.url, 'none:none'), waitMs: 5_000 });
    await expect(admin.retryDeadLetters('job')).rejects.toMatchObject({
      reason: 'noJetStream',
      message: expect.stringMatching(/JetStream is off for this account of the NATS server\. Enable jetstream/),
    });
    expect(await admin.observe('job')).toMatchObject({
      state: 'Unreachable',
      reason: expect.stringMatching(/JetStream is off for this account/),
    });
    await admin.close();
  });
});
