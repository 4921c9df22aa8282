/** The client against servers that misbehave in ways that the real API server cannot be made to: a real socket each time. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import { systemClock } from '@distillery/platform';
import { afterEach, describe, expect, test } from '@jest/globals';

import {
  type Access,
  apiClient,
  type ApiClient,
  ApiError,
  Budget,
  kinds,
  Transport,
} from '../../../src/cluster/kubernetes/index.js';
import {
  type RequestRecord,
  type TransportLimits,
  type WatchEvent,
} from '../../../src/cluster/kubernetes/api/index.js';

type Answer = (response: ServerResponse, request: IncomingMessage) => void;

interface Setup {
  readonly client: ApiClient;
  readonly sockets: Set<Socket>;
  /** Sockets that were ever opened. */
  readonly opened: () => number;
  readonly requests: IncomingMessage[];
  readonly records: RequestRecord[];
  readonly warnings: string[];
  /** How often credentials were read. */
  readonly reads: () => number;
}

const cleanups: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(cleanups.splice(0).map(async (cleanup) => cleanup()));
});

/** A server that gives the answers in turn, the last again and again. */
async function serving(
  answers: readonly Answer[],
  limits: Partial<TransportLimits> = {},
  credentials: Access['credentials'] = async () => Promise.resolve({ headers: { authorization: 'Bearer t' }, tls: {} }),
  mayWrite?: () => boolean,
): Promise<Setup> {
  const sockets = new Set<Socket>();
  const requests: IncomingMessage[] = [];
  let opened = 0;
  const server: Server = createServer((request, response) => {
    requests.push(request);
    request.resume();
    answers[Math.min(requests.length, answers.length) - 1]?.(response, request);
  });
  server.on('connection', (socket) => {
    opened += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  let reads = 0;
  const clock = systemClock;
  const transport = new Transport({
    access: {
      server: `http://127.0.0.1:${(server.address() as AddressInfo).port}/below/`,
      credentials: async () => {
        reads += 1;
        return credentials();
      },
    },
    clock,
    userAgent: 'distillery/test',
    limits: { requestMs: 10_000, ...limits },
  });
  cleanups.push(async () => {
    await transport.close();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const records: RequestRecord[] = [];
  const warnings: string[] = [];
  const client = apiClient({
    transport,
    budget: new Budget({ qps: 1_000, burst: 1_000, clock }),
    clock,
    onRequest: (record) => records.push(record),
    onWarning: (sentence, doing) => warnings.push(`${doing}: ${sentence}`),
    ...(mayWrite === undefined ? {} : { mayWrite }),
  });
  return { client, sockets, opened: () => opened, requests, records, warnings, reads: () => reads };
}

const pod = { metadata: { name: 'a', namespace: 'ns', uid: 'u', resourceVersion: '7' } };
const json =
  (value: unknown, status = 200, headers: Record<string, string> = {}): Answer =>
  (response) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(value));
  };
const text =
  (body: string, status = 200): Answer =>
  (response) => {
    response.writeHead(status).end(body);
  };
const nothing: Answer = () => undefined;
const line = (name: string, resourceVersion: string): string =>
  `${JSON.stringify({ type: 'ADDED', object: { metadata: { ...pod.metadata, name, resourceVersion } } })}\n`;

async function failed(work: Promise<unknown>): Promise<ApiError> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ApiError) return error;
  throw new Error(`found ${String(error)}, expected an ApiError`);
}

async function watched(client: ApiClient, events: WatchEvent[] = [], signal?: AbortSignal): Promise<WatchEvent[]> {
  const options = { resourceVersion: '1', timeoutSeconds: 60, ...(signal === undefined ? {} : { signal }) };
  for await (const event of client.watch(kinds.pods, options)) events.push(event);
  return events;
}

describe('requests', () => {
  test('name us, carry our credentials, and ask below the path of the server', async () => {
    const { client, requests } = await serving([json(pod)]);
    await client.get(kinds.pods, 'ns', 'a');
    expect(requests[0]?.url).toBe('/below/api/v1/namespaces/ns/pods/a');
    expect(requests[0]?.headers).toMatchObject({
      authorization: 'Bearer t',
      'user-agent': 'distillery/test',
      accept: 'application/json',
    });
  });

  test('one after the other use the same connections', async () => {
    const { client, opened } = await serving([json(pod)]);
    for (let time = 0; time < 20; time++) await client.get(kinds.pods, 'ns', 'a');
    // The second may be asked for before the first is known to be free.
    expect(opened()).toBeLessThanOrEqual(2);
  });

  test('at a time use no more connections than allowed', async () => {
    const { client, opened } = await serving([json(pod)], { connections: 3 });
    await Promise.all(Array.from({ length: 50 }, async () => client.get(kinds.pods, 'ns', 'a')));
    expect(opened()).toBe(3);
  });

  test('are recorded with their outcome', async () => {
    const status = { kind: 'Status', message: 'no', reason: 'NotFound', details: { name: 'a' }, code: 404 };
    const { client, records } = await serving([
      json(pod),
      json(status, 404),
      json(status, 404),
      (response) => response.destroy(),
    ]);
    await client.get(kinds.pods, 'ns', 'a');
    expect(await client.get(kinds.pods, 'ns', 'a')).toBeNull();
    expect(await client.delete(kinds.pods, 'ns', 'a')).toBe(false);
    await failed(client.list(kinds.pods));
    expect(records.map(({ verb, kind, outcome }) => `${verb} ${kind.plural} ${outcome}`)).toEqual([
      'get pods 200',
      'get pods 404',
      'delete pods 404',
      'list pods unreachable',
    ]);
  });

  test('pass on what the API server warns of', async () => {
    const warning = '299 - "spec.template: \\"a\\" is deprecated", 299 - "would violate PodSecurity"';
    const { client, warnings } = await serving([json(pod, 200, { warning })]);
    await client.get(kinds.pods, 'ns', 'a');
    expect(warnings).toEqual([
      'get Pod ns/a: spec.template: "a" is deprecated',
      'get Pod ns/a: would violate PodSecurity',
    ]);
  });
});

describe('an answer', () => {
  test.each<[string, Answer]>([
    ['that is no JSON', text('<html>hello</html>')],
    ['that ends within its JSON', text('{"metadata":{"name":"a"')],
    ['that is no object of the API', json({ metadata: { name: 'a' } })],
    ['that is a list', json([])],
    ['that is empty', text('')],
  ])('%s is malformed, and may be tried again', async (_, answer) => {
    const { client } = await serving([answer]);
    expect(await failed(client.get(kinds.pods, 'ns', 'a'))).toMatchObject({ reason: 'malformed', retry: 'Later' });
  });

  test('with null for its items is an empty list', async () => {
    const { client } = await serving([json({ metadata: { resourceVersion: '7' }, items: null })]);
    expect(await client.list(kinds.pods)).toEqual({ items: [], resourceVersion: '7', continueToken: null });
  });

  test('of a list without items or version is malformed', async () => {
    const { client } = await serving([json({ metadata: { resourceVersion: '7' } }), json({ metadata: {}, items: [] })]);
    expect((await failed(client.list(kinds.pods))).reason).toBe('malformed');
    expect((await failed(client.list(kinds.pods))).reason).toBe('malformed');
  });

  test('that never ends in size is cut off', async () => {
    const endless: Answer = (response) => {
      const more = (): void => {
        while (response.writable && response.write('x'.repeat(65_536)));
      };
      response.on('drain', more);
      more();
    };
    const { client, sockets } = await serving([endless], { longestAnswerBytes: 1_000_000 });
    expect(await failed(client.get(kinds.pods, 'ns', 'a'))).toMatchObject({
      reason: 'malformed',
      message: expect.stringContaining('more than 1000000 bytes') as unknown,
    });
    await until(() => sockets.size === 0);
  });

  test.each<[string, Answer]>([
    ['that never begins', nothing],
    ['that stops within its headers', (_, request) => request.socket.write('HTTP/1.1 200 OK\r\ncontent-')],
    [
      'that stops within its body',
      (response) => response.writeHead(200, { 'content-length': '100' }).write('{"metadata"'),
    ],
    ['that comes so slowly that it never ends', drip],
  ])('%s is given up in time, and the next request does not wait behind it', async (_, answer) => {
    const { client, opened } = await serving([answer, json(pod)], { requestMs: 200, connections: 1 });
    const error = await failed(client.get(kinds.pods, 'ns', 'a'));
    expect(error).toMatchObject({ reason: 'timeout', retry: 'Later' });
    expect(error.message).toBe('get Pod ns/a: no answer within 0.2 s');
    expect(await client.get(kinds.pods, 'ns', 'a')).toMatchObject({ metadata: { name: 'a' } });
    expect(opened()).toBe(2);
  });

  test('whose caller aborts is dropped at once', async () => {
    const { client, sockets, requests } = await serving([nothing]);
    const leaving = new AbortController();
    const error = failed(client.get(kinds.pods, 'ns', 'a', leaving.signal));
    await until(() => requests.length === 1);
    leaving.abort();
    expect((await error).reason).toBe('aborted');
    await until(() => sockets.size === 0);
    expect((await failed(client.get(kinds.pods, 'ns', 'a', leaving.signal))).reason).toBe('aborted');
  });
});

describe('credentials', () => {
  test('are read once for many requests, and again after a while', async () => {
    const { client, reads } = await serving([json(pod)], { credentialsMs: 60_000 });
    await Promise.all([1, 2, 3].map(async () => client.get(kinds.pods, 'ns', 'a')));
    expect(reads()).toBe(1);
    const hasty = await serving([json(pod)], { credentialsMs: 0 });
    await hasty.client.get(kinds.pods, 'ns', 'a');
    await hasty.client.get(kinds.pods, 'ns', 'a');
    expect(hasty.reads()).toBe(2);
  });

  test('are read again at once after they were refused', async () => {
    let token = 1;
    const { client, requests } = await serving([json({}, 401), json(pod)], {}, async () =>
      Promise.resolve({ headers: { authorization: `Bearer ${token++}` }, tls: {} }),
    );
    expect((await failed(client.get(kinds.pods, 'ns', 'a'))).reason).toBe('unauthorized');
    await client.get(kinds.pods, 'ns', 'a');
    expect(requests.map(({ headers }) => headers.authorization)).toEqual(['Bearer 1', 'Bearer 2']);
  });

  test('that cannot be read, and those that never come, fail the request and not the next', async () => {
    let time = 0;
    const { client, requests } = await serving([json(pod)], { requestMs: 200 }, async () => {
      time += 1;
      if (time === 1) throw new Error('ENOENT: no such file token');
      if (time === 2) await new Promise(() => undefined);
      return { headers: {}, tls: {} };
    });
    expect((await failed(client.get(kinds.pods, 'ns', 'a'))).message).toBe(
      'get Pod ns/a: our credentials cannot be read (ENOENT: no such file token)',
    );
    expect((await failed(client.get(kinds.pods, 'ns', 'a'))).reason).toBe('timeout');
    await client.get(kinds.pods, 'ns', 'a');
    expect(requests).toHaveLength(1);
  });
});

describe('a watch', () => {
  test('gives event by event and ends when the server ends it', async () => {
    const { client, records, requests } = await serving([
      (response) => {
        response.write(line('a', '2'));
        response.end(line('b', '3'));
      },
    ]);
    const events = await watched(client);
    expect(events.map((event) => ('object' in event ? event.object.metadata.name : event.type))).toEqual([
      'opened',
      'a',
      'b',
    ]);
    expect(records).toMatchObject([{ verb: 'watch', outcome: '200' }]);
    expect(new URLSearchParams(requests[0]?.url?.split('?')[1])).toEqual(
      new URLSearchParams('watch=true&allowWatchBookmarks=true&resourceVersion=1&timeoutSeconds=60'),
    );
  });

  test('that is cut within a line gives the lines before and none of it', async () => {
    const { client } = await serving([
      (response) => response.write(`${line('a', '2')}{"type":"ADD`, () => response.socket?.resetAndDestroy()),
    ]);
    const events: WatchEvent[] = [];
    expect((await failed(watched(client, events))).reason).toBe('unreachable');
    expect(events).toHaveLength(2);
  });

  test('that is ended in good order within a line is an error all the same', async () => {
    const { client } = await serving([(response) => response.end(`${line('a', '2')}{"type":"ADD`)]);
    expect((await failed(watched(client))).message).toContain('ended within a line, after 12 of its bytes');
  });

  test('on which nothing comes is silent after a while, and its connection closed', async () => {
    const { client, sockets } = await serving([(response) => response.write(line('a', '2'))], { silenceMs: 300 });
    const events: WatchEvent[] = [];
    expect(await failed(watched(client, events))).toMatchObject({ reason: 'silent', retry: 'Later' });
    expect(events).toHaveLength(2);
    await until(() => sockets.size === 0);
  });

  test('that never begins is given up in time', async () => {
    const { client, sockets } = await serving([nothing], { requestMs: 200 });
    expect((await failed(watched(client))).reason).toBe('timeout');
    await until(() => sockets.size === 0);
  });

  test('that began in time goes on beyond the limit of a request', async () => {
    const { client } = await serving(
      [
        (response) => {
          response.write(line('a', '2'));
          setTimeout(() => response.end(line('b', '3')), 400);
        },
      ],
      { requestMs: 200 },
    );
    expect(await watched(client)).toHaveLength(3);
  });

  test('that is refused says what the server says', async () => {
    const status = { kind: 'Status', message: 'pods is forbidden', reason: 'Forbidden', code: 403 };
    const { client, records } = await serving([json(status, 403)]);
    expect((await failed(watched(client))).message).toBe('pods is forbidden');
    expect(records).toMatchObject([{ verb: 'watch', outcome: '403' }]);
  });

  test('with a line that does not end is cut off', async () => {
    const { client, sockets } = await serving([
      (response) => {
        const more = (): void => {
          while (response.writable && response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      },
    ]);
    expect((await failed(watched(client))).message).toContain('found a line of more than 16777216 bytes');
    await until(() => sockets.size === 0);
  });

  test.each(['at its beginning', 'after an event'])('that is left %s closes its connection', async (when) => {
    const { client, sockets } = await serving([(response) => response.write(line('a', '2'))]);
    for await (const event of client.watch(kinds.pods, { resourceVersion: '1', timeoutSeconds: 60 })) {
      if (when === 'at its beginning' || event.type === 'set') break;
    }
    await until(() => sockets.size === 0);
  });

  test('whose caller aborts ends at once', async () => {
    const { client, sockets } = await serving([(response) => response.write(line('a', '2'))]);
    const leaving = new AbortController();
    const events: WatchEvent[] = [];
    const error = failed(watched(client, events, leaving.signal));
    await until(() => events.length === 2);
    leaving.abort();
    expect((await error).reason).toBe('aborted');
    await until(() => sockets.size === 0);
  });

  test('has a connection to itself: however many there are, requests go on', async () => {
    const { client } = await serving(
      [
        (response, request) => {
          if (request.url?.includes('watch=true') === true) response.write(line('a', '2'));
          else json(pod)(response, request);
        },
      ],
      { connections: 1 },
    );
    const leaving = new AbortController();
    const opened: WatchEvent[][] = Array.from({ length: 20 }, () => []);
    const all = Promise.allSettled(opened.map(async (events) => watched(client, events, leaving.signal)));
    await until(() => opened.every((events) => events.length === 2));
    await client.get(kinds.pods, 'ns', 'a');
    leaving.abort();
    await all;
  });
});

function drip(response: ServerResponse): void {
  response.writeHead(200);
  const timer = setInterval(() => response.write(' '), 20);
  response.on('close', () => clearInterval(timer));
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not within 10 s: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('a process that stops leading while a request waits', () => {
  const object = { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a', namespace: 'ns' } };
  const writes: [string, (client: ApiClient) => Promise<unknown>][] = [
    ['apply', async (client) => client.apply(object)],
    ['create', async (client) => client.create(object)],
    ['replace', async (client) => client.replace(object)],
    ['patch', async (client) => client.patch(kinds.pods, 'ns', 'a', {})],
    ['delete', async (client) => client.delete(kinds.pods, 'ns', 'a')],
  ];

  test.each(writes)('does not send it: %s', async (_verb, write) => {
    let leads = true;
    const credentials = Promise.withResolvers<Awaited<ReturnType<Access['credentials']>>>();
    const { client, requests } = await serving(
      [json(pod)],
      {},
      async () => credentials.promise,
      () => leads,
    );
    const waiting = failed(write(client));
    // As a process that is stopped there, and wakes when another leads.
    leads = false;
    credentials.resolve({ headers: {}, tls: {} });
    expect(await waiting).toMatchObject({ reason: 'notLeading', retry: 'Never' });
    expect(requests).toHaveLength(0);
    leads = true;
    await write(client);
    expect(requests).toHaveLength(1);
  });

  test('still reads', async () => {
    const list = { metadata: { resourceVersion: '7' }, items: [] };
    const { client, requests } = await serving([json(pod), json(list)], {}, undefined, () => false);
    await client.get(kinds.pods, 'ns', 'a');
    await client.list(kinds.pods);
    expect(requests).toHaveLength(2);
  });
});
