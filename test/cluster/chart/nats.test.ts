/** The NATS server that the release installs: its keys on a real API server, its configuration in a real nats-server. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';

import { kinds } from '../../../src/cluster/kubernetes/index.js';
import { keyFiles } from '../../../src/release/keys-secret.js';
import { NamespaceAccounts } from '../../../src/stream/index.js';
import { launchNatsServer, type NatsServer } from '../../../src/stream/server/start.js';
import { clientOf, refusal } from '../../kit/api-client.js';
import { type ControlPlane, repositoryRoot, startControlPlane } from '../../kit/cluster/index.js';
import { chartFolder, helm, sets } from '../../kit/cluster/helm.js';
import { noAccountLimits } from '../../kit/namespace-accounts.js';
import { testLifetime } from '../../kit/nats-operator.js';
import { testServerBinary } from '../../kit/nats.js';
import { streamsOf } from '../../kit/stream.js';
import { until } from '../../kit/until.js';

const run = promisify(execFile);
const namespace = 'distillery-system';
const name = 'distillery-nats-keys';
const program = join(repositoryRoot, 'dist/src/release/nats-keys.js');

interface Rendered {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: { readonly template: { readonly spec: { readonly containers: [{ readonly args: string[] }] } } };
}

let cluster: ControlPlane;
let objects: Rendered[];
/** Of the ServiceAccount of the job that makes keys. */
let kubeconfig: string;

beforeAll(async () => {
  cluster = await startControlPlane();
  const args = ['template', 'distillery', chartFolder, '-n', namespace, ...sets({ 'nats.enabled': 'true' })];
  objects = parseAllDocuments(await helm(args)).flatMap((document) => {
    const object = document.toJS() as Rendered | null;
    return object === null ? [] : [object];
  });
  await cluster.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const rights = objects.filter(({ kind, metadata }) => kind !== 'Job' && metadata.name === name);
  expect(rights.map(({ kind }) => kind).sort()).toEqual(['Role', 'RoleBinding', 'ServiceAccount']);
  await cluster.apply(...rights);
  kubeconfig = await cluster.serviceAccountKubeconfig(namespace, name);
});
afterAll(async () => {
  await cluster.stop();
});

/** Runs what the job of the chart runs, with the rights of that job. */
async function makeKeys(args = found('Job', name).spec!.template.spec.containers[0].args.slice(1)): Promise<string> {
  const env = { ...process.env, DISTILLERY_KUBECONFIG: kubeconfig };
  return (await run(process.execPath, [program, ...args], { env })).stdout.trim();
}

function found(kind: string, called: string): Rendered {
  const object = objects.find((each) => each.kind === kind && each.metadata.name === called);
  if (object === undefined) throw new Error(`${kind} ${called}: the chart has none`);
  return object;
}

async function secret(): Promise<Readonly<Record<string, string>>> {
  const text = await cluster.kubectlOk(['-n', namespace, 'get', 'secret', name, '-o', 'json']);
  const { data } = JSON.parse(text) as { readonly data: Readonly<Record<string, string>> };
  return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'base64').toString()]));
}

describe('the keys of the server', () => {
  test('are made once, and never again', async () => {
    expect(await makeKeys()).toBe(`Secret ${namespace}/${name}: created, with new keys`);
    const first = await secret();
    expect(Object.keys(first).sort()).toEqual(Object.values(keyFiles).sort());
    expect(await makeKeys()).toBe(`Secret ${namespace}/${name}: exists and stays as it is`);
    expect(await secret()).toEqual(first);
  });

  test('cannot be read, replaced or removed by the account that makes them', async () => {
    const api = await clientOf(kubeconfig);
    const attempts = [
      api.client.get(kinds.secrets, namespace, name),
      api.client.list(kinds.secrets, { namespace }),
      api.client.patch(kinds.secrets, namespace, name, { data: null }),
      api.client.delete(kinds.secrets, namespace, name),
    ];
    expect((await Promise.all(attempts.map(refusal))).map(({ reason }) => reason)).toEqual(Array(4).fill('forbidden'));
    await api.close();
  });

  test('are found by the labels that the notes name, with the volume', async () => {
    const labels = 'app.kubernetes.io/name=distillery-nats,app.kubernetes.io/instance=distillery';
    const names = await cluster.kubectlOk(['-n', namespace, 'get', 'secret', '-l', labels, '-o', 'name']);
    expect(names.trim()).toBe(`secret/${name}`);
  });

  test.each<[string, string[], string]>([
    ['without a Secret', ['--namespace=a'], '--secret: not given. Give it a name.'],
    ['an invalid label', ['--namespace=a', '--secret=b', '--label=c'], '--label: found c, expected KEY=VALUE.'],
    ['an unknown option', ['--secrets=a'], 'arguments: Unknown option'],
  ])('%s: one sentence and exit code 2', async (_, args, sentence) => {
    const ended = await makeKeys(args).catch((error: unknown) => error as { code: number; stderr: string });
    expect(ended).toMatchObject({ code: 2, stderr: expect.stringContaining(sentence) as unknown });
  });

  test('an account without the right gets a sentence and exit code 1', async () => {
    const ended = await makeKeys(['--namespace=default', '--secret=b']).catch(
      (error: unknown) => error as { code: number; stderr: string },
    );
    expect(ended).toMatchObject({ code: 1, stderr: expect.stringMatching(/^secrets is forbidden.*\n$/) as unknown });
  });
});

describe('the configuration of the server', () => {
  let folder: string;
  let server: NatsServer;
  let home: NamespaceAccounts;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'distillery-chart-nats-'));
    const keys = await secret();
    const text = found('ConfigMap', 'distillery-nats').data!['nats.conf']!;
    server = await launchNatsServer({
      binary: await testServerBinary(),
      folder,
      serverName: 'distillery-nats-0',
      // The same text with other places: a test has no pod.
      configuration: ({ serverName, host, port, storeFolder, logFile }) =>
        [
          ['$POD_NAME', serverName],
          ['0.0.0.0:4222', `${host}:${String(port)}`],
          ['0.0.0.0:8222', '127.0.0.1:-1'],
          ['/data/jetstream', storeFolder],
          ['/data/jwt', join(folder, 'jwt')],
          ['48318382080', String(2 ** 31)],
          ['include server.conf', `${keys['server.conf']!}\nlog_file: "${logFile}"`],
        ].reduce((configured, [from = '', to = '']) => {
          if (!configured.includes(from)) throw new Error(`nats.conf: found no ${from}`);
          return configured.replace(from, () => to);
        }, text),
    });
    const signingSeed = keys['operator-signing.seed']!;
    home = new NamespaceAccounts({
      url: server.url,
      workerUrl: server.url,
      systemCreds: () => keys['system.creds']!,
      keys: { signingSeed, accountsSeed: signingSeed },
      limitsOf: () => noAccountLimits,
      credentialSeconds: testLifetime.seconds,
      nowMs: testLifetime.nowMs,
      mayAct: () => true,
      hasJobs: () => true,
      onChange: () => undefined,
      onStatus: () => undefined,
    });
  });
  afterAll(async () => {
    await home.close();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test('lets the operator make the account of a namespace, and streams in it', async () => {
    const uid = '6b8b4567-327b-43c6-a4f9-1d2c3b4a5968';
    const admin = await home.adminOf('team-a');
    await until('the account', () => admin.health.connected);
    await home.admit({ namespace: 'team-a', uid });
    await admin.provision(streamsOf(uid));
    expect(await admin.observe(uid)).toMatchObject({ state: 'Present' });
  });

  test('and the keys let it read how full the server is', async () => {
    expect(await home.serverStorage()).toMatchObject([
      { storage: 'file', limitBytes: 2 ** 31 },
      { storage: 'memory', limitBytes: 2 ** 29 },
    ]);
  });
});
