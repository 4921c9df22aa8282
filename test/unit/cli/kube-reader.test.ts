/** Asking an API server by a kubeconfig: what is read, and what is said when it cannot be. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { CliError, exitCodes } from '../../../src/cli/exit.js';
import type { JobReader } from '../../../src/cli/fetch.js';
import { kubeReader, type KubeOptions } from '../../../src/cli/kube-reader.js';
import { startTestApiServer, type TestApiServer } from '../../kit/api-server.js';
import { isAlive } from '../../kit/distill.js';
import { clusterJob } from '../../kit/model.js';
import { until } from '../../kit/stream.js';

const jobPath = '/apis/distillery.dev/v1alpha1/namespaces/team-a/distilljobs/mnist';
const secretPath = '/api/v1/namespaces/team-a/secrets/mnist-distill';

let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer();
});
afterAll(() => api.stop());
beforeEach(() => void api.asked.splice(0));

const one = (path: string): KubeOptions['files'] => ({ kind: 'one', path });

function reader(options: Partial<KubeOptions> = {}): JobReader {
  return kubeReader({ files: one(api.kubeconfig), context: undefined, stop: new AbortController().signal, ...options });
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
  test('says where jobs are looked for', () => {
    expect(reader().namespace).toBe('team-a');
    expect(reader({ context: 'bare' }).namespace).toBe('default');
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

  test('that is none is refused', async () => {
    const broken = join(api.kubeconfig, '..', 'broken');
    writeFileSync(broken, 'clusters: [}');
    const { code, message } = await refusal(() => reader({ files: one(broken) }));
    expect(code).toBe(exitCodes.usage);
    expect(message).toMatch(/^kubeconfig .*broken: cannot be read/);
  });
});

/** A kubeconfig for the API server of these tests, whose user logs in as given. */
function kubeconfigOf(user: object): string {
  const path = join(api.kubeconfig, '..', `user-${String(kubeconfigs++)}`);
  const content = {
    clusters: [{ name: 'test', cluster: { server: api.url } }],
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

  test('has a list of kubeconfigs, of which one is missing and two name the same', async () => {
    const paths = ['/nowhere/config', api.kubeconfig, api.kubeconfig];
    const asking = reader({ files: { kind: 'list', paths } });
    expect(await asking.readJob('team-a', 'mnist')).toEqual(clusterJob());
  });

  test('has no kubeconfig, and is told so', async () => {
    const { code, message } = await refusal(() => reader({ files: { kind: 'list', paths: ['/nowhere/config'] } }));
    expect(code).toBe(exitCodes.usage);
    expect(message).toMatch(/^kubeconfig \/nowhere\/config: no such file, and this is no pod\. Name a kubeconfig/);
  });

  test('has a token in a file beside the kubeconfig', async () => {
    const path = kubeconfigOf({ tokenFile: 'token' });
    writeFileSync(join(path, '..', 'token'), 'token-of-the-test\n');
    expect(await reader({ files: one(path) }).readJob('team-a', 'mnist')).toEqual(clusterJob());
  });

  test.each<[string, string, RegExp]>([
    ['prints no JSON', 'echo s3cr3t-token', /the credential plugin printed something else than JSON/],
    ['fails', 'echo one >&2; echo your login is over >&2; exit 1', /\(your login is over\)\. Log in again/],
  ])('has a credential plugin that %s', async (_, script, sentence) => {
    const path = kubeconfigOf({ exec: { command: 'sh', args: ['-c', script] } });
    const { code, message } = await refusal(() => reader({ files: one(path) }).readJob('team-a', 'mnist'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(sentence);
    expect(message).not.toMatch(/s3cr3t|\n/);
  });

  test('stops while a credential plugin waits: it is ended', async () => {
    const started = join(api.kubeconfig, '..', 'plugin-pid');
    const path = kubeconfigOf({ exec: { command: 'sh', args: ['-c', `echo $$ > ${started}; exec sleep 60`] } });
    const stop = new AbortController();
    const asking = refusal(() => reader({ files: one(path), stop: stop.signal }).readJob('team-a', 'mnist'));
    const pid = (): number => (existsSync(started) ? Number(readFileSync(started, 'utf8')) : 0);
    await until('the plugin', () => pid() > 0);
    stop.abort();
    expect((await asking).code).toBe(exitCodes.unavailable);
    await until('the end of the plugin', () => !isAlive(pid()));
  });
});

describe('an API server', () => {
  test('is asked for one job and one secret, whose values are decoded', async () => {
    api.set(jobPath, clusterJob());
    api.set(secretPath, { kind: 'Secret', data: { url: 'bmF0czovL25hdHM6NDIyMg==', 'reader.creds': 'w6Q=' } });
    expect(await reader().readJob('team-a', 'mnist')).toEqual(clusterJob());
    expect(await reader().readSecret('team-a', 'mnist-distill')).toEqual({
      url: 'nats://nats:4222',
      'reader.creds': 'ä',
    });
    expect(api.asked).toEqual([`GET ${jobPath}`, `GET ${secretPath}`]);
  });

  test('that has no such object says null', async () => {
    expect(await reader().readJob('team-a', 'other')).toBeNull();
    expect(await reader().readSecret('team-a', 'other')).toBeNull();
  });

  test('a secret without values is an empty one', async () => {
    api.set('/api/v1/namespaces/team-a/secrets/empty', { kind: 'Secret' });
    expect(await reader().readSecret('team-a', 'empty')).toEqual({});
  });

  test.each([
    [401, 'Unauthorized', /^secret team-a\/refused: the API server at http:.* refused \(401\)\. Log in again\.$/],
    [
      403,
      'secrets "refused" is forbidden: User "ann"',
      /refused \(403: secrets "refused" is forbidden: User "ann"\)\. Ask for the right/,
    ],
    [500, 'etcdserver: request timed out', /refused \(500: etcdserver: request timed out\)\. Try again/],
  ])('that answers %i is told with its own sentence', async (status, said, sentence) => {
    api.refuse('/api/v1/namespaces/team-a/secrets/refused', status, said);
    const { code, message } = await refusal(() => reader().readSecret('team-a', 'refused'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(sentence);
  });

  test('that knows no DistillJobs is one without the operator', async () => {
    api.set('/apis/distillery.dev/v1alpha1/namespaces/team-b/distilljobs/x', {});
    api.forget('distillery.dev');
    const { code, message } = await refusal(() => reader().readJob('team-a', 'mnist'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(/it knows no DistillJobs: the operator is not installed there\. Check --context\.$/);
  });

  test('that is not there is told with its address', async () => {
    const elsewhere = await startTestApiServer();
    const asking = kubeReader({
      files: one(elsewhere.kubeconfig),
      context: undefined,
      stop: new AbortController().signal,
    });
    await elsewhere.stop();
    const { code, message } = await refusal(() => asking.readJob('team-a', 'mnist'));
    expect(code).toBe(exitCodes.unavailable);
    expect(message).toMatch(
      /^API server at http:\/\/127.0.0.1:\d+: cannot be reached \(.*ECONNREFUSED.*--context name\.$/,
    );
  });

  test('that never answers is left when the person has enough', async () => {
    api.hang(secretPath);
    const stop = new AbortController();
    const asking = refusal(() => reader({ stop: stop.signal }).readSecret('team-a', 'mnist-distill'));
    stop.abort();
    expect((await asking).message).toMatch(/cannot be reached \(.*abort/i);
  });
});
