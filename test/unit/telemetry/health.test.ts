/** The operator's HTTP pages: what they answer, and that no request harms the process. */
import { connect } from 'node:net';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import {
  type Check,
  type HealthPages,
  HealthPortError,
  type HealthServer,
  openHealth,
} from '../../../src/telemetry/index.js';

let server: HealthServer;
let live: readonly Check[];
let ready: readonly Check[];
let metrics: () => Promise<{ contentType: string; text: string }>;

beforeEach(async () => {
  live = [{ name: 'process', problem: null }];
  ready = [];
  metrics = () => Promise.resolve({ contentType: 'text/plain; version=0.0.4', text: 'up 1\n' });
  server = await serve({ live: () => live, ready: () => ready, metrics: () => metrics() });
});

afterEach(async () => {
  await server.close();
});

async function serve(pages: HealthPages): Promise<HealthServer> {
  const opened = await openHealth(0);
  opened.serve(pages);
  return opened;
}

async function get(path: string, init: RequestInit = {}): Promise<{ status: number; text: string; type: string }> {
  const answer = await fetch(`http://127.0.0.1:${String(server.port)}${path}`, init);
  return { status: answer.status, text: await answer.text(), type: answer.headers.get('content-type') ?? '' };
}

/** Sends raw bytes; resolves with the whole answer when the server closes the connection. */
async function say(words: string): Promise<string> {
  return new Promise((resolve) => {
    let heard = '';
    const socket = connect(server.port, '127.0.0.1', () => socket.write(words));
    socket.on('data', (bytes: Buffer) => (heard += bytes.toString()));
    socket.on('close', () => resolve(heard));
    // The server closed the connection while the client still wrote.
    socket.on('error', () => undefined);
  });
}

describe('the pages', () => {
  test('show whether each check passed, and why not', async () => {
    expect(await get('/livez')).toEqual({ status: 200, text: '[+] process\n', type: 'text/plain; charset=utf-8' });
    ready = [
      { name: 'watch pods', problem: 'the first list is not complete' },
      { name: 'nats', problem: null, degraded: 'connect ECONNREFUSED' },
      { name: 'standby', problem: null },
    ];
    expect(await get('/readyz?verbose')).toMatchObject({
      status: 503,
      text: '[-] watch pods: the first list is not complete\n[~] nats: connect ECONNREFUSED\n[+] standby\n',
    });
  });

  test('count degraded as ready: running jobs continue without NATS', async () => {
    ready = [{ name: 'nats', problem: null, degraded: 'connect ECONNREFUSED' }];
    expect((await get('/readyz')).status).toBe(200);
  });

  test('serve metrics in the format that they name', async () => {
    expect(await get('/metrics')).toEqual({ status: 200, text: 'up 1\n', type: 'text/plain; version=0.0.4' });
  });

  test('answer HEAD without a body', async () => {
    expect(await get('/livez', { method: 'HEAD' })).toMatchObject({ status: 200, text: '' });
  });

  test.each([
    ['/', 404],
    ['/metrics/', 404],
    ['/livez/../readyz%00', 404],
  ])('answer %s with %i', async (path, status) => {
    const answer = await get(path);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain('there are /metrics');
  });

  test('accept no input', async () => {
    expect(await get('/metrics', { method: 'POST', body: 'x' })).toMatchObject({ status: 405 });
  });
});

describe('no request ends the process', () => {
  test.each(['//', '///', 'http://[', '/%zz'])('a path that is not a URL: %s', async (path) => {
    expect(await say(`GET ${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`)).toMatch(/^HTTP\/1.1 404 /);
  });

  test.each([
    ['bytes that are not HTTP', '\u0016\u0003\u0001 hello\r\n\r\n'],
    ['a target that is not a path', 'GET no-slash HTTP/1.1\r\n\r\n'],
    ['headers without end', `GET /livez HTTP/1.1\r\nx: ${'x'.repeat(64 * 1024)}`],
  ])('%s', async (_what, words) => {
    expect(await say(words)).not.toMatch(/^HTTP\/1.1 200/);
    expect((await get('/livez')).status).toBe(200);
  });

  test('metrics that cannot be collected', async () => {
    metrics = () => Promise.reject(new Error('no figures'));
    expect(await get('/metrics')).toMatchObject({ status: 500, text: 'Error: no figures\n' });
  });

  test('a check that throws', async () => {
    await server.close();
    server = await serve({
      live: () => {
        throw new Error('broken check');
      },
      ready: () => [],
      metrics,
    });
    expect(await get('/livez')).toMatchObject({ status: 500, text: 'Error: broken check\n' });
  });
});

describe('at the end', () => {
  test('a running answer is completed', async () => {
    const asked = Promise.withResolvers<undefined>();
    const figures = Promise.withResolvers<{ contentType: string; text: string }>();
    metrics = () => {
      asked.resolve(undefined);
      return figures.promise;
    };
    const answer = get('/metrics');
    await asked.promise;
    const closing = server.close();
    figures.resolve({ contentType: 'text/plain', text: 'late 1\n' });
    expect(await answer).toMatchObject({ status: 200, text: 'late 1\n' });
    await closing;
  });

  test('a client that only holds its connection is not waited for', async () => {
    const idle = connect(server.port, '127.0.0.1');
    const hungUp = new Promise((resolve) => idle.on('close', resolve));
    await new Promise((resolve) => idle.on('connect', resolve));
    idle.write('GET /livez HTTP/1.1\r\n');
    await server.close();
    await hungUp;
  });
});

describe('at the start', () => {
  test('every page says that the operator is starting', async () => {
    await server.close();
    server = await openHealth(0);
    for (const path of ['/livez', '/readyz', '/metrics']) {
      expect(await get(path)).toMatchObject({ status: 503, text: '[-] process: the operator is starting\n' });
    }
    server.serve({ live: () => live, ready: () => ready, metrics });
    expect((await get('/livez')).status).toBe(200);
  });

  test('a port in use is an error with what to do', async () => {
    const error: unknown = await openHealth(server.port).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(HealthPortError);
    expect(error).toMatchObject({
      port: server.port,
      code: 'EADDRINUSE',
      message: `port ${String(server.port)}: another process listens on it. Choose another port, or stop that process.`,
    });
  });

  test.each([
    ['EACCES', 'port 80: this process may not listen on it. Choose a port from 1024 on.'],
    ['EAFNOSUPPORT', 'port 80: it cannot be used (listen EAFNOSUPPORT). Choose another port.'],
  ])('so is %s', (code, message) => {
    expect(new HealthPortError(80, code, { cause: new Error(`listen ${code}`) }).message).toBe(message);
  });
});
