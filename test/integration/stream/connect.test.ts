/** Connecting when it cannot work: each a typed error with a sentence and a remedy, none a hang. */
import { createServer, type Server } from 'node:net';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { connectStreams, findNatsServer } from '../../../src/stream/index.js';
import { connectWorker } from '../../../workers/stream/index.js';
import { type PasswordLogin, startTestNats, type TestNats } from '../../kit/nats.js';
import { quietLog, systemClock, workerLogin } from '../../kit/stream.js';

let nats: TestNats<PasswordLogin>;
beforeAll(async () => {
  nats = await startTestNats({ uids: ['job'] });
}, 60_000);
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
const nobody = { kind: 'password', user: 'u', password: 'p' } as const;

describe('the operator', () => {
  test.each([
    ['a server that is too old', info({ version: '2.9.10', jetstream: true }), 'tooOld', /2\.9\.10.*2\.10\.0.*upgrade/],
    ['a server without JetStream', info({ version: '2.14.5' }), 'noJetStream', /-js/],
    ['something that is no NATS server', 'SSH-2.0-OpenSSH_9.6\r\n', 'unreachable', /check that/],
  ])('refuses %s', async (_, greeting, kind, sentence) => {
    const url = await greeter(greeting);
    const connecting = connectStreams({ url, waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ kind, message: expect.stringMatching(sentence) });
    const found = findNatsServer({
      url,
      path: '',
      cacheFolder: '/nonexistent',
      platform: process.platform,
      arch: process.arch,
      environment: {},
      progress: () => undefined,
      stop: new AbortController().signal,
    });
    await expect(found).rejects.toMatchObject({ kind });
  });

  test('says that a password is wrong without showing it', async () => {
    const connecting = connectStreams({ url: nats.url, user: 'operator', password: 'wrong-secret', waitMs: 5_000 });
    await expect(connecting).rejects.toMatchObject({ kind: 'unauthorized' });
    await expect(connecting).rejects.not.toThrow(/wrong-secret/);
  });

  test('that is told tls:// does not take a server without TLS', async () => {
    const connecting = connectStreams({ url: nats.url.replace('nats://', 'tls://'), ...nats.operator, waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ kind: 'unreachable', message: expect.stringMatching(/tls/) });
  });

  test('gives up on a closed port within its limit', async () => {
    const started = performance.now();
    const connecting = connectStreams({ url: 'nats://127.0.0.1:1', waitMs: 500 });
    await expect(connecting).rejects.toMatchObject({ kind: 'unreachable' });
    expect(performance.now() - started).toBeLessThan(3_000);
  });

  test('takes the server that the URL names when it is good', async () => {
    const lines: string[] = [];
    const found = await findNatsServer({
      url: nats.url,
      path: '',
      cacheFolder: '/nonexistent',
      platform: process.platform,
      arch: process.arch,
      environment: {},
      progress: (line) => lines.push(line),
      stop: new AbortController().signal,
    });
    expect(found).toMatchObject({ kind: 'running' });
    expect(found.kind === 'running' && String(found.address)).toBe(nats.url);
    expect(lines).toEqual([]);
  });
});

describe('a worker', () => {
  test('whose password is wrong keeps trying, and in the end the job is not to blame', async () => {
    const login = { kind: 'password', user: 'teacher-job', password: 'wrong-secret' } as const;
    const connecting = connectWorker({ ...worker, login, url: nats.url, waitMs: 500 });
    await expect(connecting).rejects.toMatchObject({ ending: 'unreachable' });
    await expect(connecting).rejects.toThrow(/refuses the given user or its password/);
    await expect(connecting).rejects.not.toThrow(/wrong-secret/);
  });

  test('ends as unreachable after its limit', async () => {
    const connecting = connectWorker({ ...worker, login: nobody, url: 'nats://127.0.0.1:1', waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ ending: 'unreachable' });
  });

  test('that is told tls:// does not take a server without TLS', async () => {
    const login = workerLogin(nats.userFor('teacher', 'job'));
    const url = nats.url.replace('nats://', 'tls://');
    const connecting = connectWorker({ ...worker, login, url, waitMs: 300 });
    await expect(connecting).rejects.toMatchObject({ ending: 'unreachable' });
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
  }, 30_000);
});
