/** The real-pods kit and the images that it runs: what the suites with real pods take for granted. */
import { once } from 'node:events';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { repositoryRoot, until } from '../../kit/cluster/index.js';
import {
  buildImages,
  filesOfLayer,
  type Image,
  type ImageArchive,
  type Images,
  type PodOptions,
  readArchive,
  realPodsAvailable,
  type RealCluster,
  restrictedPod,
  siteRemains,
  startRealCluster,
} from '../../kit/cluster/real/index.js';
import { spawnTypeScript } from '../../kit/typescript.js';

/** Tools and images are built on first use. */
const firstUseMs = 1_800_000;

const available = await realPodsAvailable();
const left = available.ok ? '' : ` (left out: ${available.why})`;
const suite = available.ok ? describe : describe.skip;
if (!available.ok) process.stderr.write(`${available.why}\n`);

const read = async (file: string): Promise<Record<string, unknown>> =>
  JSON.parse(await readFile(join(repositoryRoot, file), 'utf8')) as Record<string, unknown>;

suite(`the images${left}`, () => {
  let images: Images;
  const archives = new Map<string, ImageArchive>();
  const files = new Map<string, readonly string[]>();
  beforeAll(async () => {
    images = await buildImages();
    for (const name of ['operator', 'worker'] as const) {
      const archive = await readArchive(images[name].archive);
      archives.set(name, archive);
      const layers = archive.layers.map(({ digest }) => filesOfLayer(images[name].archive, digest));
      files.set(name, (await Promise.all(layers)).flat());
    }
  }, firstUseMs);

  test('are small: an operator is under 120 MB compressed', () => {
    const megabytes = (image: Image): number => image.compressedBytes / 1e6;
    process.stderr.write(
      `images, compressed: operator ${megabytes(images.operator).toFixed(1)} MB, worker ${megabytes(images.worker).toFixed(1)} MB\n`,
    );
    expect(megabytes(images.operator)).toBeLessThan(120);
    expect(megabytes(images.worker)).toBeLessThan(150);
  });

  test('run Node and nothing else, as a user without a name', () => {
    const common = {
      User: '10001:10001',
      WorkingDir: '/app',
      Entrypoint: ['/usr/local/bin/node', '--disable-warning=ExperimentalWarning'],
    };
    expect(archives.get('operator')?.config).toMatchObject({ ...common, Cmd: ['dist/src/operator/main.js'] });
    expect(archives.get('worker')?.config).toMatchObject({ ...common, Cmd: ['dist/workers/teacher/main.js'] });
  });

  test('say what they are', async () => {
    const { version } = await read('package.json');
    for (const name of ['operator', 'worker']) {
      expect(archives.get(name)?.config.Labels).toMatchObject({
        'org.opencontainers.image.title': expect.stringMatching(/^Distillery /),
        'org.opencontainers.image.version': version,
        'org.opencontainers.image.revision': expect.stringMatching(/^sources-[0-9a-f]{12}$/),
        'org.opencontainers.image.licenses': 'Apache-2.0',
        'org.opencontainers.image.source': 'local',
      });
    }
  });

  test('share the system and Node, which a machine that has both stores once', () => {
    const [system, node] = archives.get('operator')?.layers ?? [];
    expect(archives.get('worker')?.layers.slice(0, 2)).toEqual([system, node]);
  });

  test('hold no npm, nothing for debuggers and compilers, and nothing secret', () => {
    const unwanted =
      /(^|\/)(npm|npx|\.npmrc|\.npm|\.env|\.git|\.cache|tsconfig[^/]*)(\/|$)|\.(map|ts|mts|cts|tsbuildinfo|pem|key|creds)$/;
    for (const name of ['operator', 'worker']) {
      const found = files.get(name) ?? [];
      expect(found.length).toBeGreaterThan(1_000);
      expect(found.filter((file) => unwanted.test(file))).toEqual([]);
    }
  });

  test('hold what their own processes load, for this platform only', () => {
    const within = (name: string, pattern: RegExp): string[] =>
      (files.get(name) ?? []).filter((file) => pattern.test(file));
    expect(within('operator', /tensorflow|onnxruntime|app\/dist\/workers/)).toEqual([]);
    expect(within('worker', /kubernetes|app\/dist\/src\/(?!lib\/|platform\/|protocol\/|$)/)).toEqual([]);
    expect(within('worker', /onnxruntime-node\/bin\/.*(binding\.node|\.so\.1)$/)).toEqual(
      ['libonnxruntime.so.1', 'onnxruntime_binding.node'].map(
        (file) => `app/node_modules/onnxruntime-node/bin/napi-v6/linux/${process.arch}/${file}`,
      ),
    );
    expect(within('worker', /\.wasm$/).length).toBeGreaterThanOrEqual(3);
  });
});

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly phase?: string;
    readonly podIP?: string;
    readonly containerStatuses?: readonly [
      {
        readonly containerID?: string;
        readonly restartCount: number;
        readonly state: {
          readonly terminated?: { readonly reason?: string; readonly exitCode: number; readonly message?: string };
        };
      },
    ];
  };
}

/** Of what was there. */
async function stillThere(before: readonly string[]): Promise<string[]> {
  const now = new Set(await siteRemains());
  return before.filter((thing) => now.has(thing));
}

suite(`a real cluster${left}`, () => {
  let cluster: RealCluster;
  let folder: string;
  let server: Server;
  beforeAll(async () => {
    const began = performance.now();
    cluster = await startRealCluster({ nodes: 2, images: ['operator', 'worker'] });
    process.stderr.write(`real cluster of 2 nodes: up in ${((performance.now() - began) / 1_000).toFixed(1)} s\n`);
    folder = await mkdtemp(join(tmpdir(), 'distillery-volume-'));
    await cluster.apply({
      apiVersion: 'v1',
      kind: 'Namespace',
      metadata: { name: 'strict', labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } },
    });
    await until('the ServiceAccount of namespace strict', async () => {
      const { status } = await cluster.api.send('GET', '/api/v1/namespaces/strict/serviceaccounts/default');
      return status === 200;
    });
    server = createServer((_, response) => void response.end('from this machine'));
    await once(server.listen(0, cluster.hostAddress), 'listening');
  }, firstUseMs);
  afterAll(async () => {
    server.closeAllConnections();
    server.close();
    await cluster.stop();
    await rm(folder, { recursive: true });
  });

  const podOf = (name: string): Promise<Pod> => cluster.api.get<Pod>(`/api/v1/namespaces/strict/pods/${name}`);
  const phase = async (name: string): Promise<string | undefined> => (await podOf(name)).status.phase;
  const ended = async (name: string): Promise<Pod> => {
    const over = async (): Promise<boolean> => ['Succeeded', 'Failed'].includes((await phase(name)) ?? '');
    await until(`pod ${name} to end`, over, async () => JSON.stringify((await podOf(name)).status));
    return podOf(name);
  };
  const create = (name: string, options: PodOptions, image: Image = cluster.images.worker): Promise<void> =>
    cluster.apply(restrictedPod(name, image, { namespace: 'strict', ...options }));
  /** Runs code in a pod. @returns what it printed */
  const printed = async (name: string, options: PodOptions, image?: Image): Promise<string> => {
    await create(name, options, image);
    const { status } = await ended(name);
    const log = await cluster.podLogs('strict', name);
    if (status.phase !== 'Succeeded') throw new Error(`pod ${name} failed: ${log}`);
    return log.trim();
  };

  test('runs the worker image under the restricted standard with a root that cannot be written', async () => {
    const code = `
      import { readFileSync, writeFileSync } from 'node:fs';
      const attempt = (path) => { try { writeFileSync(path, ''); return 'written'; } catch ({ code }) { return code; } };
      const status = readFileSync('/proc/self/status', 'utf8');
      const field = (name) => status.match(new RegExp('^' + name + ':\\\\s*(.*)$', 'm'))[1];
      console.log(JSON.stringify({
        version: process.version, user: process.getuid(), group: process.getgid(),
        app: attempt('/app/x'), temporary: attempt('/tmp/x'),
        capabilities: field('CapEff'), bounding: field('CapBnd'), noNewPrivileges: field('NoNewPrivs'), seccomp: field('Seccomp'),
      }));`;
    const { devDependencies } = (await read('package.json')) as { devDependencies: { node: string } };
    expect(JSON.parse(await printed('restricted', { code }))).toEqual({
      version: `v${devDependencies.node}`,
      user: 10_001,
      group: 10_001,
      app: 'EROFS',
      temporary: 'EROFS',
      capabilities: '0000000000000000',
      bounding: '0000000000000000',
      noNewPrivileges: '1',
      seccomp: '2',
    });
  });

  test('refuses a pod that the standard forbids', async () => {
    const { code, stderr } = await cluster.kubectl(['run', 'loose', '-n', 'strict', '--image', 'anything']);
    expect(code).not.toBe(0);
    expect(stderr).toContain('violates PodSecurity "restricted:latest"');
  });

  test('loads every package that the operator names, from the operator image', async () => {
    const code = `
      import { readFileSync } from 'node:fs';
      const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
      for (const name of Object.keys(dependencies)) await import(name);
      console.log(Object.keys(dependencies).join());`;
    const loaded = (await printed('operator', { code }, cluster.images.operator)).split(',');
    // What stays outside of its program (docs/adr/0068).
    expect(loaded).toEqual(expect.arrayContaining(['@kubernetes/client-node', '@node-rs/crc32', 'pino', 'undici']));
    expect(loaded.filter((name) => name.startsWith('@distillery/'))).toEqual([]);
  });

  test('starts the operator, which says what it lacks', async () => {
    await create('unconfigured', { args: ['dist/src/operator/main.js'] }, cluster.images.operator);
    const terminated = (await ended('unconfigured')).status.containerStatuses?.[0].state.terminated;
    expect(terminated).toMatchObject({
      exitCode: 2,
      message: expect.stringContaining('DISTILLERY_NATS_URL: found nothing'),
    });
  });

  test('has both runtimes in the worker image: tfjs on wasm, and ONNX', async () => {
    const code = `
      const { createRequire } = await import('node:module');
      const { dirname } = await import('node:path');
      const { getBackend, setBackend } = await import('@tensorflow/tfjs-core');
      const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
      const { listSupportedBackends } = await import('onnxruntime-node');
      setWasmPaths(dirname(createRequire('/app/').resolve('@tensorflow/tfjs-backend-wasm')) + '/');
      await setBackend('wasm');
      console.log(getBackend(), listSupportedBackends().map(({ name }) => name).includes('cpu'));`;
    expect(await printed('runtimes', { code })).toBe('wasm true');
  });

  test.each(['teacher', 'student'])(
    'starts a %s, which says what it lacks and ends with the terminal code',
    async (role) => {
      await create(role, { args: [`dist/workers/${role}/main.js`] });
      const terminated = (await ended(role)).status.containerStatuses?.[0].state.terminated;
      expect(terminated).toMatchObject({
        exitCode: 65,
        message: expect.stringContaining('DISTILL_MANIFEST: found nothing'),
      });
    },
  );

  test('sees a pod that takes more memory than it may be killed for it', async () => {
    const code = 'const all = []; for (;;) all.push(Buffer.alloc(1e7, 1));';
    await create('greedy', { code, limits: { memory: '128Mi' } });
    const terminated = (await ended('greedy')).status.containerStatuses?.[0].state.terminated;
    expect(terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  });

  test('gives pods a folder of this machine to read', async () => {
    await writeFile(join(folder, 'data'), 'of this machine');
    await cluster.pvcFromFolder('strict', 'data', folder);
    const code = `
      import { readFileSync, writeFileSync } from 'node:fs';
      let refusal; try { writeFileSync('/mnt/pvc/data/x', ''); } catch ({ code }) { refusal = code; }
      console.log(readFileSync('/mnt/pvc/data/data', 'utf8'), refusal);`;
    const claims = { '/mnt/pvc/data': { name: 'data', readOnly: true } };
    expect(await printed('reader', { code, claims })).toBe('of this machine EROFS');
  });

  test('gives pods a folder of this machine to write', async () => {
    const results = await mkdtemp(join(tmpdir(), 'distillery-volume-'));
    await cluster.pvcFromFolder('strict', 'results', results, { writable: true });
    const code = `(await import('node:fs')).writeFileSync('/mnt/pvc-out/results/model', 'of a pod');`;
    await printed('writer', { code, claims: { '/mnt/pvc-out/results': { name: 'results', readOnly: false } } });
    expect(await readFile(join(results, 'model'), 'utf8')).toBe('of a pod');
    expect((await stat(join(results, 'model'))).uid).toBe(10_001);
    await rm(results, { recursive: true });
  });

  test('lets pods reach servers on this machine, pods on the other node, and the API server by its Service', async () => {
    const serve = `
      import { createServer } from 'node:http';
      createServer((_, response) => response.end('from a pod')).listen(8080);`;
    await create('server', { code: serve, node: 'node-1' });
    await until('the server pod to run', async () => (await phase('server')) === 'Running');
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('the server does not listen');
    const code = `
      import { readFileSync } from 'node:fs';
      const text = async (url, options) => {
        for (;;) {
          try { return await (await fetch(url, options)).text(); }
          catch (error) { if (error.cause?.code !== 'ECONNREFUSED') throw error; }
        }
      };
      const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port, OUTSIDE, OTHER } = process.env;
      const token = readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/token', 'utf8');
      const review = await text('https://' + host + ':' + port + '/apis/authentication.k8s.io/v1/selfsubjectreviews', {
        method: 'POST',
        headers: { authorization: 'Bearer ' + token, 'content-type': 'application/json' },
        body: '{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}',
      });
      console.log(await text(OUTSIDE) + ', ' + await text(OTHER) + ', ' + JSON.parse(review).status.userInfo.username);`;
    const environment = {
      OUTSIDE: `http://${cluster.hostAddress}:${address.port}`,
      OTHER: `http://${(await podOf('server')).status.podIP ?? ''}:8080`,
      NODE_EXTRA_CA_CERTS: '/var/run/secrets/kubernetes.io/serviceaccount/ca.crt',
    };
    expect(await printed('client', { code, environment, node: 'node-2' })).toBe(
      'from this machine, from a pod, system:serviceaccount:strict:default',
    );
  });

  test('offers GPUs that are not there, also after its kubelet was restarted', async () => {
    await cluster.offer('node-2', { 'nvidia.com/gpu': 4 });
    const code = 'console.log(1)';
    await printed('gpu-before', { code, limits: { 'nvidia.com/gpu': '4' } });
    await cluster.nodes[1]!.kubelet.restart();
    await printed('gpu-after', { code, limits: { 'nvidia.com/gpu': '4' } });
  });

  test('keeps pods while their kubelet is dead, and takes up with them afterwards', async () => {
    const { kubelet } = cluster.nodes[0]!;
    const before = await podOf('server');
    await kubelet.kill();
    expect(kubelet.running).toBe(false);
    const answer = await fetch(`http://${before.status.podIP ?? ''}:8080`);
    expect(await answer.text()).toBe('from a pod');
    await kubelet.start();
    const after = await podOf('server');
    expect(after.status.phase).toBe('Running');
    expect(after.status.containerStatuses?.[0]).toMatchObject({
      containerID: before.status.containerStatuses?.[0].containerID,
      restartCount: 0,
    });
    await cluster.kubectlOk(['exec', '-n', 'strict', 'server', '--', 'node', '--version']);
  });

  test('loses a node with all that runs on it, and gets it back', async () => {
    const [node] = cluster.nodes;
    const { podIP = '' } = (await podOf('server')).status;
    await node!.powerOff();
    await expect(fetch(`http://${podIP}:8080`, { signal: AbortSignal.timeout(2_000) })).rejects.toThrow();
    await node!.powerOn();
    expect(await printed('after-power', { code: 'console.log("again")', node: 'node-1' })).toBe('again');
    await until('the lost pod to be failed', async () => (await phase('server')) === 'Failed');
  });

  test('leaves nothing on this machine: no process, mount, link, cgroup or file', async () => {
    await create('endless', { code: 'setInterval(() => undefined, 1000)' });
    await until('the pod to run', async () => (await phase('endless')) === 'Running');
    const all = await siteRemains();
    expect(all).not.toEqual([]);
    const began = performance.now();
    await cluster.stop();
    process.stderr.write(`real cluster: gone in ${((performance.now() - began) / 1_000).toFixed(1)} s\n`);
    expect(await stillThere(all)).toEqual([]);
  });
});

suite(`a real cluster whose owner is killed${left}`, () => {
  test(
    'leaves nothing either',
    async () => {
      const owner = spawnTypeScript('cluster/real/owner.ts', []);
      const [line] = (await once(createInterface({ input: owner.stdout! }), 'line')) as [string];
      expect(line).toBe('endless');
      const all = await siteRemains();
      expect(all).not.toEqual([]);
      owner.kill('SIGKILL');
      await once(owner, 'exit');
      await until(
        'everything to be gone',
        async () => (await stillThere(all)).length === 0,
        async () => (await stillThere(all)).join('\n'),
      );
    },
    // It may have to wait for its turn.
    firstUseMs,
  );
});
