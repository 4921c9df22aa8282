/** Reading from an API server with a kubeconfig: which objects, and which errors. */
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { exitCodes } from '../../../../src/cli/shared/exit.js';
import { type ClusterOptions, type ClusterReader, openCluster } from '../../../../src/cli/cluster/cluster-reader.js';
import { eventsAbout } from '../../../../src/cli/cluster/seen-events.js';
import { kinds } from '../../../../src/cluster/kubernetes/index.js';
import { startTestApiServer, type TestApiServer } from '../../../kit/api-server.js';
import { isAlive } from '../../../kit/distill.js';
import { clusterJob } from '../../../kit/model.js';
import { until } from '../../../kit/until.js';

const jobPath = '/apis/distillery.dev/v1alpha1/namespaces/team-a/distilljobs/mnist';
const secretPath = '/api/v1/namespaces/team-a/secrets/mnist-distill';

let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer();
});
afterAll(() => api.stop());
beforeEach(() => void api.asked.splice(0));

const one = (path: string): ClusterOptions['files'] => ({ kind: 'one', path });

const noPod = { host: '', port: '' };
const noStop = new AbortController().signal;

async function reader(options: Partial<ClusterOptions> = {}): Promise<ClusterReader> {
  return openCluster({ files: one(api.kubeconfig), context: undefined, pod: noPod, stop: noStop, ...options });
}

async function refusal(ask: () => unknown): Promise<{ code: number; message: string }> {
  try {
    await ask();
  } catch (error) {
    if (error instanceof CliError) return { code: exitCodes[error.reason], message: error.message };
    throw error;
  }
  throw new Error('nothing was refused');
}

describe('a kubeconfig', () => {
  test('says in which namespace jobs are', async () => {
    expect((await reader()).namespace).toBe('team-a');
    expect((await reader({ context: 'bare' })).namespace).toBe('default');
  });

  test.each([
    ['that is not there', { files: one('/nowhere/config') }, /^kubeconfig \/nowhere\/config: cannot be read \(ENOENT/],
    [
      'without the context',
      { context: 'prod' },
      /^kubeconfig .*: found no context "prod", expected one of test, bare\./,
    ],
  ])('%s is refused', async (_, options, sentence) => {
    const { code, message } = await refusal(() => reader(options));
    expect(code).toBe(exitCodes.usage);
    expect(message).toMatch(sentence);
  });

  test('that is not valid YAML is refused', async () => {
    const broken = join(api.kubeconfig, '..', 'broken');
    writeFileSync(broken, 'clusters: [}');
    const { code, message } = await refusal(() => reader({ files: one(broken) }));
    expect(code).toBe(exitCodes.usage);
    expect(message).toMatch(/^kubeconfig .*broken: cannot be read/);
  });
});

/** Writes a kubeconfig for the API server of these tests. @returns its path */
function kubeconfigOf(user: object, cluster: object = {}): string {
  const path = join(api.kubeconfig, '..', `user-${String(kubeconfigs++)}`);
  const content = {
    clusters: [{ name: 'test', cluster: { server: api.url, ...cluster } }],
    users: [{ name: 'person', user }],
    contexts: [{ name: 'test', context: { cluster: 'test', user: 'person', namespace: 'team-a' } }],
    'current-context': 'test',
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}
let kubeconfigs = 0;

describe('a person', () => {
  beforeEach(() => api.set(jobPath, clusterJob()));

  test('may have a list of kubeconfigs, of which one is missing and two name the same', async () => {
    const paths = ['/nowhere/config', api.kubeconfig, api.kubeconfig];
    const asking = await reader({ files: { kind: 'list', paths } });
    expect(await asking.readJob('team-a', 'mnist')).toEqual(clusterJob());
  });

  test('without a kubeconfig is refused outside of a pod', async () => {
    const { code, message } = await refusal(() => reader({ files: { kind: 'list', paths: ['/nowhere/config'] } }));
    expect(code).toBe(exitCodes.usage);
    expect(message).toMatch(/^kubeconfig \/nowhere\/config: no such file, and this is not a pod\. Name a kubeconfig/);
  });

  test('may have a token in a file beside the kubeconfig', async () => {
    const path = kubeconfigOf({ tokenFile: 'token' });
    writeFileSync(join(path, '..', 'token'), 'token-of-the-test\n');
    expect(await (await reader({ files: one(path) })).readJob('team-a', 'mnist')).toEqual(clusterJob());
  });

  test.each<[string, string, RegExp]>([
    ['prints no JSON', 'echo s3cr3t-token', /the output of the credential plugin is not JSON/],
    ['fails', 'echo one >&2; echo your login is over >&2; exit 1', /\(your login is over\)\. Log in again/],
  ])('has a credential plugin that %s', async (_, script, sentence) => {
    const path = kubeconfigOf({ exec: { command: 'sh', args: ['-c', script] } });
    const { code, message } = await refusal(async () =>
      (await reader({ files: one(path) })).readJob('team-a', 'mnist'),
    );
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(sentence);
    expect(message).not.toMatch(/s3cr3t|\n/);
  });

  test('stops while a credential plugin waits: the plugin is ended', async () => {
    const started = join(api.kubeconfig, '..', 'plugin-pid');
    const path = kubeconfigOf({ exec: { command: 'sh', args: ['-c', `echo $$ > ${started}; exec sleep 60`] } });
    const stop = new AbortController();
    const asking = refusal(async () =>
      (await reader({ files: one(path), stop: stop.signal })).readJob('team-a', 'mnist'),
    );
    const pid = (): number => (existsSync(started) ? Number(readFileSync(started, 'utf8')) : 0);
    await until('the plugin', () => pid() > 0);
    stop.abort();
    expect((await asking).code).toBe(exitCodes.unavailable);
    await until('the end of the plugin', () => !isAlive(pid()));
  });
});

describe('a pod', () => {
  test('is used when there is no kubeconfig', async () => {
    const reading = await reader({
      files: { kind: 'list', paths: ['/nowhere/config'] },
      pod: { host: '127.0.0.1', port: '1' },
    });
    expect(reading.namespace).toBe('default');
    const { code, message } = await refusal(async () => reading.readJob('team-a', 'mnist'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(/^service account of this pod: the user's credentials cannot be read \(.*ENOENT/);
  });
});

describe('an API server behind a proxy', () => {
  test('is reached through the proxy that the kubeconfig names', async () => {
    api.set(jobPath, clusterJob());
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      void fetch(request.url ?? '', { headers: { authorization: request.headers.authorization ?? '' } })
        .then(async (answer) => response.writeHead(answer.status).end(await answer.text()))
        .catch(() => response.destroy());
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const { port } = proxy.address() as AddressInfo;
    const path = kubeconfigOf({ token: 'token-of-the-test' }, { 'proxy-url': `http://127.0.0.1:${String(port)}` });
    try {
      expect(await (await reader({ files: one(path) })).readJob('team-a', 'mnist')).toEqual(clusterJob());
      expect(asked).toEqual([`${api.url}${jobPath}`]);
    } finally {
      proxy.close();
      proxy.closeAllConnections();
    }
  });

  test('is reached through a SOCKS proxy', async () => {
    api.set(jobPath, clusterJob());
    const proxy = createTcpServer((client) => {
      client.once('data', () => {
        // Version 5, no login.
        client.write(Buffer.from([5, 0]));
        client.once('data', (request) => {
          const server = connect(Number(new URL(api.url).port), '127.0.0.1', () => {
            // The request as it came, answered with success.
            const reply = Buffer.from(request);
            reply[1] = 0;
            client.write(reply);
            client.pipe(server).pipe(client);
          });
          client.on('close', () => server.destroy());
        });
      });
    });
    await once(proxy.listen(0, '127.0.0.1'), 'listening');
    const { port } = proxy.address() as AddressInfo;
    const path = kubeconfigOf({ token: 'token-of-the-test' }, { 'proxy-url': `socks5://127.0.0.1:${String(port)}` });
    try {
      expect(await (await reader({ files: one(path) })).readJob('team-a', 'mnist')).toEqual(clusterJob());
    } finally {
      proxy.close();
    }
  });

  test('of another kind is refused', async () => {
    const path = kubeconfigOf({ token: 'token-of-the-test' }, { 'proxy-url': 'ftp://127.0.0.1:21' });
    const { code, message } = await refusal(() => reader({ files: one(path) }));
    expect(code).toBe(exitCodes.usage);
    expect(message).toMatch(/found proxy-url .*, expected an address such as http/);
  });
});

describe('a log', () => {
  const path = '/api/v1/namespaces/team-a/pods/mnist-student-a/log';
  const asked = { namespace: 'team-a', pod: 'mnist-student-a', container: 'worker', follow: false } as const;
  const linesOf = async (options: Partial<Parameters<ClusterReader['log']>[0]> = {}): Promise<string[]> => {
    const lines: string[] = [];
    for await (const line of (await reader()).log({ ...asked, ...options })) lines.push(line);
    return lines;
  };

  test('comes line by line, with a last one that was cut off', async () => {
    api.setText(`${path}?container=worker&timestamps=true`, ['one', 'twö', 'thr'].join('\n'));
    expect(await linesOf()).toEqual(['one', 'twö', 'thr']);
  });

  test('is asked for with its limits', async () => {
    const query = 'container=worker&timestamps=true&follow=true&previous=true&tailLines=5&sinceSeconds=60';
    api.setText(`${path}?${query}`, 'one\n');
    expect(await linesOf({ follow: true, previous: true, tailLines: 5, sinceSeconds: 60 })).toEqual(['one']);
  });

  test('cuts a line that never ends', async () => {
    api.setText(`${path}?container=worker&timestamps=true`, `${'x'.repeat(200_000)}\nnext\n`);
    const [long, next] = await linesOf();
    expect([long?.length, next]).toEqual([64 * 1024, 'next']);
  });

  test('that may not be read is refused', async () => {
    api.refuse(
      `${path}?container=worker&timestamps=true`,
      403,
      'pods "mnist-student-a" is forbidden: cannot get resource "pods/log"',
    );
    const { code, message } = await refusal(() => linesOf());
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(/^log of pod team-a\/mnist-student-a: .*cannot get resource "pods\/log"/);
  });
});

describe('a change of a job', () => {
  const path = `${jobPath}?fieldManager=distill&fieldValidation=Strict`;
  const change = async (): Promise<unknown> =>
    (await reader()).changeJob('team-a', 'mnist', { spec: { suspend: true } });

  test('is one patch, under the manager of the command', async () => {
    api.set(path, clusterJob());
    expect(await change()).toMatchObject({ metadata: { name: 'mnist' } });
    expect(api.asked).toEqual([`PATCH ${path}`]);
  });

  test('of another version says so', async () => {
    api.refuse(path, 409, 'the object has been modified');
    expect(await change()).toBe('changed');
  });

  test('that the API server finds wrong is refused with its reason', async () => {
    api.refuse(path, 422, 'spec.weight: Invalid value');
    const { message } = await refusal(change);
    expect(message).toMatch(/refused \(422: spec.weight: Invalid value\)\. Change what it names\.$/);
  });
});

describe('an API server', () => {
  test('is asked for one job and one secret, whose values are decoded', async () => {
    api.set(jobPath, clusterJob());
    api.set(secretPath, { kind: 'Secret', data: { url: 'bmF0czovL25hdHM6NDIyMg==', 'reader.creds': 'w6Q=' } });
    expect(await (await reader()).readJob('team-a', 'mnist')).toEqual(clusterJob());
    expect(await (await reader()).readSecret('team-a', 'mnist-distill')).toEqual({
      url: 'nats://nats:4222',
      'reader.creds': 'ä',
    });
    expect(api.asked).toEqual([`GET ${jobPath}`, `GET ${secretPath}`]);
  });

  test('without the object returns null', async () => {
    expect(await (await reader()).readJob('team-a', 'other')).toBeNull();
    expect(await (await reader()).readSecret('team-a', 'other')).toBeNull();
  });

  test('a secret without values is an empty one', async () => {
    api.set('/api/v1/namespaces/team-a/secrets/empty', { kind: 'Secret' });
    expect(await (await reader()).readSecret('team-a', 'empty')).toEqual({});
  });

  test('lists the events of one object of a namespace', async () => {
    const about = (uid: string, index: number): object => ({
      metadata: { name: `e-${String(index)}`, uid: String(index), resourceVersion: '1' },
      involvedObject: { uid },
    });
    const items = [...['u-1', 'u-2', 'u-1'].map(about), { metadata: { name: 'e-3', uid: '3', resourceVersion: '1' } }];
    api.set('/api/v1/namespaces/team-a/events?limit=1000', { metadata: { resourceVersion: '9' }, items });
    const events = eventsAbout(await (await reader()).list(kinds.events, { namespace: 'team-a' }), 'u-1');
    expect(events.map(({ metadata }) => metadata.name)).toEqual(['e-0', 'e-2']);
  });

  test('lists what a plan is made from, page by page', async () => {
    const objects = (from: number, to: number): object[] =>
      Array.from({ length: to - from }, (_, index) => ({
        metadata: { name: `x-${String(from + index)}`, uid: String(from + index), resourceVersion: '1' },
      }));
    const page = (items: object[], next = ''): object => ({
      metadata: { resourceVersion: '9', continue: next },
      items,
    });
    api.set('/api/v1/nodes?limit=1000', page(objects(0, 1_000), 'more'));
    api.set('/api/v1/nodes?limit=1000&continue=more', page(objects(1_000, 1_001)));
    api.set('/api/v1/pods?limit=1000', page(objects(0, 2)));
    api.set('/apis/distillery.dev/v1alpha1/distilljobs?limit=1000', page([]));
    const { nodes, pods, jobs } = await (await reader()).readCluster();
    expect(nodes.map(({ metadata }) => metadata.name)).toEqual(
      objects(0, 1_001).map((_, index) => `x-${String(index)}`),
    );
    expect([pods.length, jobs.length]).toEqual([2, 0]);
  });

  test.each([
    [
      401,
      'Unauthorized',
      /^secret team-a\/refused: the API server at http:.* refused \(401: Unauthorized\)\. Log in again\.$/,
    ],
    [
      403,
      'secrets "refused" is forbidden: User "ann"',
      /refused \(403: secrets "refused" is forbidden: User "ann"\)\. Ask for the right/,
    ],
    [500, 'etcdserver: request timed out', /refused \(500: etcdserver: request timed out\)\. Try again/],
  ])('that answers %i is quoted', async (status, said, sentence) => {
    api.refuse('/api/v1/namespaces/team-a/secrets/refused', status, said);
    const { code, message } = await refusal(async () => (await reader()).readSecret('team-a', 'refused'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(sentence);
  });

  test('that knows no DistillJobs has no operator', async () => {
    api.set('/apis/distillery.dev/v1alpha1/namespaces/team-b/distilljobs/x', {});
    api.forget('distillery.dev');
    const { code, message } = await refusal(async () => (await reader()).readJob('team-a', 'mnist'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(/it knows no DistillJobs: the operator is not installed there\. Check --context\.$/);
  });

  test('that is not there is named with its address', async () => {
    const elsewhere = await startTestApiServer();
    const asking = await reader({ files: one(elsewhere.kubeconfig) });
    await elsewhere.stop();
    const { code, message } = await refusal(() => asking.readJob('team-a', 'mnist'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(
      /^API server at http:\/\/127.0.0.1:\d+: cannot be reached \(.*ECONNREFUSED.*--context name\.$/,
    );
  });

  test('that never answers is abandoned at a stop', async () => {
    api.hang(secretPath);
    const stop = new AbortController();
    const asking = refusal(async () => (await reader({ stop: stop.signal })).readSecret('team-a', 'mnist-distill'));
    stop.abort();
    expect((await asking).message).toMatch(/cannot be reached \(/);
  });
});
