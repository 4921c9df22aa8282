/** The server that a run owns: secret, separate, restarted when it dies, never left behind. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { connect } from '@nats-io/transport-node';

import { type NatsServer, type ServerEvent, startNatsServer, superviseNatsServer } from '../../../src/stream/index.js';
import { testServerBinary } from '../../kit/nats.js';
import { until } from '../../kit/until.js';
import { isAlive, spawnTypeScript } from '../../kit/typescript.js';

const password = 'a-password-of-this-test';
const users = [{ user: 'root', password, permissions: { publish: ['>'], subscribe: ['>'] } }];

let binary: string;
let folder: string;
beforeAll(async () => {
  binary = await testServerBinary();
  folder = await mkdtemp(join(tmpdir(), 'distillery-server-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

let servers = 0;
function start(name: string, port?: number): Promise<NatsServer> {
  const options = { binary, folder: join(folder, name), users, serverName: `test-${++servers}` };
  return startNatsServer(port === undefined ? options : { ...options, port });
}

test('a started server is for its own users, its passwords in a file for its own user', async () => {
  const server = await start('secret');
  const { mode } = await stat(join(folder, 'secret', 'nats-server.json'));
  expect(mode & 0o777).toBe(0o600);
  const parent = /^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))?.[1] ?? '';
  for (const pid of [String(server.pid), parent]) {
    expect(await readFile(`/proc/${pid}/cmdline`, 'utf8')).not.toContain(password);
  }
  const connection = await connect({ servers: server.url, user: 'root', pass: password });
  expect(connection.info).toMatchObject({ jetstream: true, max_payload: 1_048_576 });
  await connection.close();
  await expect(connect({ servers: server.url })).rejects.toThrow(/Authorization/);

  await server.stop();
  expect(isAlive(server.pid)).toBe(false);
  expect(await server.exited).toMatchObject({ signal: null });
});

test('a folder may have any name', async () => {
  const server = await start('odd "name" with $HOME, {braces}, # and \\ in it');
  const connection = await connect({ servers: server.url, user: 'root', pass: password });
  await connection.close();
  await server.stop();
});

test('two runs side by side do not meet', async () => {
  const [one, two] = await Promise.all([start('one'), start('two')]);
  expect(one.port).not.toBe(two.port);
  await one.stop();
  const connection = await connect({ servers: two.url, user: 'root', pass: password });
  await connection.close();
  await two.stop();
});

test('a server on a port that another one holds does not start, and nothing is left running', async () => {
  const holder = await start('holder');
  await expect(start('second', holder.port)).rejects.toMatchObject({ reason: 'noServer' });
  expect(isAlive(holder.pid)).toBe(true);
  await holder.stop();
});

test('a binary that is no server says so, with the end of its log', async () => {
  const broken = join(folder, 'broken.sh');
  await writeFile(broken, '#!/bin/sh\necho "cannot open shop" >&2\nexit 3\n', { mode: 0o755 });
  const options = { binary: broken, folder: join(folder, 'broken'), users, serverName: 'broken' };
  await expect(startNatsServer(options)).rejects.toThrow(/did not start.*cannot open shop/);
  const missing = { ...options, binary: join(folder, 'missing') };
  await expect(startNatsServer(missing)).rejects.toThrow(/did not start.*ENOENT/);
});

test('SIGKILL of the owner takes the server with it', async () => {
  const owner = spawnTypeScript('nats-owner.ts', [binary, join(folder, 'owned')]);
  if (owner.stdout === null) throw new Error('no pipe');
  const [line] = (await once(createInterface({ input: owner.stdout }), 'line')) as [string];
  const { pid } = JSON.parse(line) as { pid: number };
  expect(isAlive(pid)).toBe(true);
  owner.kill('SIGKILL');
  await until('the end of the orphaned server', () => !isAlive(pid));
});

test('a keeper that is killed takes the server with it, and the owner hears of it', async () => {
  const server = await start('keeperless');
  const keeper = Number(/^PPid:\s+(\d+)/m.exec(await readFile(`/proc/${server.pid}/status`, 'utf8'))?.[1]);
  process.kill(keeper, 'SIGKILL');
  await server.exited;
  await until('the end of the server', () => !isAlive(server.pid));
});

describe('a supervised server', () => {
  test('comes back on the same port after SIGKILL, and not after stop', async () => {
    const events: ServerEvent[] = [];
    const options = { binary, folder: join(folder, 'supervised'), users, serverName: 'supervised' };
    const server = await superviseNatsServer(options, (event) => events.push(event));
    const first = server.pid() ?? 0;
    process.kill(first, 'SIGKILL');
    await until('the restart', () => events.some(({ kind }) => kind === 'restarted'));
    const second = server.pid() ?? 0;
    expect(second).not.toBe(first);
    expect(events[0]).toEqual({ kind: 'exited', exit: { code: null, signal: 'SIGKILL' } });
    const connection = await connect({ servers: server.url, user: 'root', pass: password });
    await connection.close();
    await server.stop();
    expect(isAlive(second)).toBe(false);
    expect(server.pid()).toBeNull();
  });

  test('says that a restart failed and tries again until it works', async () => {
    const wrapper = join(folder, 'sometimes.sh');
    const works = `#!/bin/sh\nexec ${JSON.stringify(binary)} "$@"\n`;
    await writeFile(wrapper, works, { mode: 0o755 });
    const events: ServerEvent[] = [];
    const options = { binary: wrapper, folder: join(folder, 'sometimes'), users, serverName: 'sometimes' };
    const server = await superviseNatsServer(options, (event) => events.push(event));
    await writeFile(wrapper, '#!/bin/sh\nexit 1\n');
    process.kill(server.pid() ?? 0, 'SIGKILL');
    await until('two failures', () => events.filter(({ kind }) => kind === 'restartFailed').length >= 2);
    await writeFile(wrapper, works);
    await until('the restart', () => events.some(({ kind }) => kind === 'restarted'));
    await server.stop();
  });
});
