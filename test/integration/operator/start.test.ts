/** The operator's process with a setting that only its use shows to be wrong: it prints a sentence and starts nothing. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { until } from '../../kit/until.js';
import { patienceMs } from '../../kit/patience.js';
import { program } from '../../kit/programs.js';

const operator = program('src/operator/main');
const folder = mkdtempSync(join(tmpdir(), 'distill-operator-start-'));
const servers: Server[] = [];
/** Connections to the servers that stand in for the API server and NATS. */
let contacts = 0;
let settings: Record<string, string>;

/** @returns the port of a server on loopback, or on every address */
async function listen(host?: '127.0.0.1'): Promise<number> {
  const server = createServer((socket) => {
    contacts += 1;
    socket.destroy();
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen({ port: 0, host }, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

const written = (name: string, content: string): string => {
  writeFileSync(join(folder, name), content, { mode: 0o600 });
  return join(folder, name);
};

const kubeconfigOf = (port: number): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'test',
  contexts: [{ name: 'test', context: { cluster: 'test', user: 'test' } }],
  clusters: [{ name: 'test', cluster: { server: `http://127.0.0.1:${String(port)}` } }],
  users: [{ name: 'test', user: {} }],
});

beforeAll(async () => {
  const [api, nats] = [await listen('127.0.0.1'), await listen('127.0.0.1')];
  const password = written('password', 's3cret');
  settings = {
    DISTILLERY_KUBECONFIG: written('kubeconfig', JSON.stringify(kubeconfigOf(api))),
    DISTILLERY_NATS_URL: `nats://127.0.0.1:${String(nats)}`,
    DISTILLERY_NATS_USER: 'operator',
    DISTILLERY_NATS_PASSWORD_FILE: password,
    DISTILLERY_WORKER_NATS_USER: 'worker',
    DISTILLERY_WORKER_NATS_PASSWORD_FILE: password,
    DISTILLERY_WORKER_IMAGE: 'worker:test',
    DISTILLERY_METRICS_PORT: '0',
  };
});
afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true, force: true });
});

async function endOf(changes: Record<string, string>): Promise<{ code: number | null; said: string }> {
  const child = spawn(process.execPath, [operator], {
    env: { PATH: process.env.PATH, ...settings, ...changes },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: patienceMs,
  });
  const [out, err, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ]);
  return { code, said: out + err };
}

describe('an operator', () => {
  test('whose metrics port is in use ends with a sentence, before it contacts anything', async () => {
    const port = String(await listen());
    expect(await endOf({ DISTILLERY_METRICS_PORT: port })).toEqual({
      code: 2,
      said:
        `DISTILLERY_METRICS_PORT: port ${port}: another process listens on it. ` +
        'Choose another port, or stop that process.\n',
    });
    expect(contacts).toBe(0);
  });

  test.each([
    ['is not there', () => join(folder, 'none'), /kubeconfig .*none/],
    ['is not a kubeconfig', () => written('text', 'hello'), /text/],
  ])('whose kubeconfig %s ends with a sentence', async (_, path, sentence) => {
    const { code, said } = await endOf({ DISTILLERY_KUBECONFIG: path() });
    expect({ code, said }).toEqual({ code: 2, said: expect.stringMatching(sentence) });
    expect(said).not.toMatch(/\n\s+at |"stack"/);
    expect(contacts).toBe(0);
  });

  test('whose signing key is damaged ends with a sentence', async () => {
    const own = { DISTILLERY_NATS_USER: '', DISTILLERY_NATS_PASSWORD_FILE: '' };
    const workers = { DISTILLERY_WORKER_NATS_USER: '', DISTILLERY_WORKER_NATS_PASSWORD_FILE: '' };
    const { code, said } = await endOf({
      ...own,
      ...workers,
      DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE: written('key.seed', `SO${'A'.repeat(56)}`),
      DISTILLERY_NATS_SYSTEM_CREDS_FILE: written('system.creds', 'some text'),
    });
    expect({ code, said }).toEqual({ code: 2, said: expect.stringMatching(/^NATS signing key: [^\n]+\n$/) });
    expect(said).not.toContain('AAAAAA');
    expect(contacts).toBe(0);
  });

  test('whose configuration file is wrong ends with a sentence for each fault', async () => {
    const path = written(
      'operator.yaml',
      'apiVersion: config.distillery.dev/v1alpha1\nkind: OperatorConfiguration\nreconcile: { workers: 0, worker: 1 }\n',
    );
    expect(await endOf({ DISTILLERY_CONFIG_FILE: path })).toEqual({
      code: 2,
      said: expect.stringContaining(
        `${path}: reconcile.workers: found 0, expected a whole number from 1 to 256. Change it, or leave it out for 8.\n` +
          `${path}: reconcile.worker: unknown field. Remove it, or use one of workers, `,
      ),
    });
    expect(contacts).toBe(0);
  });

  test('with valid settings contacts both', async () => {
    const child = spawn(process.execPath, [operator], {
      env: { PATH: process.env.PATH, ...settings },
      stdio: 'ignore',
    });
    const ended = once(child, 'close');
    await until('it to contact both', () => contacts >= 2);
    child.kill('SIGTERM');
    await ended;
  });
});
