/**
 * What a release carries: the npm package, with a folder that has nothing but what its manifest asks for; and `kubectl-distill`
 * as one file, in a folder without Node.js and without packages.
 */
import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { version } from '@distillery/base';

import { startTestApiServer, type TestApiServer } from '../../kit/api-server.js';
import { JobMaker } from '../../kit/snapshots.js';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'distill-packages-'));
let api: TestApiServer;
beforeAll(async () => {
  api = await startTestApiServer();
  const list = { metadata: { resourceVersion: '1' }, items: [] };
  const job = new JobMaker().job;
  const namespaced = '/apis/distillery.dev/v1alpha1/namespaces/team-a/distilljobs';
  api.set(`${namespaced}/mnist`, { ...job, metadata: { ...job.metadata, namespace: 'team-a' } });
  for (const kind of ['pods', 'events']) api.set(`/api/v1/namespaces/team-a/${kind}?limit=1000`, list);
  api.set(
    `/api/v1/namespaces/team-a/pods?labelSelector=${encodeURIComponent('distillery.dev/job-uid=u-1')}&limit=1000`,
    list,
  );
});
afterAll(async () => {
  await api.stop();
  rmSync(folder, { recursive: true, force: true });
});

function script(name: string, args: readonly string[]): string {
  return execFileSync(process.execPath, [join(root, 'scripts', name), ...args], { encoding: 'utf8', cwd: root });
}

interface Ran {
  readonly code: number | null;
  readonly text: string;
}

/** Outside of the repository and of its packages. @returns exit code and both outputs */
async function ran(program: readonly string[]): Promise<Ran> {
  const [file = '', ...args] = program;
  const child = spawn(file, args, {
    cwd: folder,
    env: { HOME: folder, PATH: '/usr/bin:/bin' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const output of [child.stdout, child.stderr])
    output.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, text };
}

describe('the npm package', () => {
  let main: string;

  beforeAll(() => {
    const archive = script('npm-package.ts', [join(folder, 'npm')]).trim();
    const installed = join(folder, 'empty/node_modules/distillery');
    mkdirSync(installed, { recursive: true });
    execFileSync('tar', ['-xzf', archive, '--strip-components=1', '-C', installed]);
    main = join(installed, 'dist/src/cli/main.js');
    const { dependencies } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8')) as {
      dependencies: Record<string, string>;
    };
    // What npm would fetch, from the packages of this repository: nothing else is beside it.
    for (const [name, wanted] of Object.entries(dependencies)) {
      const source = [join(root, 'workers/node_modules', name), join(root, 'node_modules', name)].find((one) =>
        existsSync(join(one, 'package.json')),
      )!;
      const found = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as { version: string };
      expect([name, found.version]).toEqual([name, wanted]);
      const link = join(folder, 'empty/node_modules', name);
      mkdirSync(dirname(link), { recursive: true });
      symlinkSync(realpathSync(source), link);
    }
  });

  test('carries the programs and the licenses of what is in them, and no source, type or map', () => {
    const archive = join(folder, 'npm', `distillery-command-${version}.tgz`);
    const files = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' });
    expect(files).toContain('package/dist/workers/student/main.js\n');
    expect(files).toContain('package/THIRD-PARTY-NOTICES\n');
    expect(files).not.toMatch(/\.(ts|map|tsbuildinfo)$/m);
    expect(files).not.toMatch(/package\/dist\/test\//);
    const code = execFileSync('tar', ['-xzOf', archive, 'package/dist'], { encoding: 'utf8', maxBuffer: 1e8 });
    expect(code).not.toMatch(/from ['"]@distillery\//);
  });

  test('starts, and lists what a cluster has', async () => {
    expect(await ran([process.execPath, main, '--version'])).toEqual({ code: 0, text: `${version}\n` });
    const { code, text } = await ran([process.execPath, main, 'status', 'mnist', '--kubeconfig', api.kubeconfig]);
    expect(text).toContain('No operator has seen this job yet.');
    expect(code).toBe(0);
  });

  test('finds its workers and what they import', async () => {
    for (const worker of ['teacher/main.js', 'student/main.js', 'init/main.js', 'fetch/main.js']) {
      // Without its environment a worker ends with a sentence; a package that is missing would be ERR_MODULE_NOT_FOUND.
      const { text } = await ran([process.execPath, join(dirname(main), '../../workers', worker)]);
      expect(text).not.toContain('ERR_MODULE_NOT_FOUND');
      expect(text).not.toMatch(/^\s+at /m);
    }
  });
});

describe('kubectl-distill as one file', () => {
  const program = join(folder, 'single/kubectl-distill');

  beforeAll(() => {
    script('single-file/build.ts', [join(folder, 'single')]);
  });

  test('has the commands of a cluster, whatever its name', async () => {
    expect(await ran([program, '--version'])).toEqual({ code: 0, text: `${version}\n` });
    const renamed = join(folder, 'distill');
    symlinkSync(program, renamed);
    expect(await ran([renamed, 'run', 'job.yaml'])).toMatchObject({ code: 2 });
    expect((await ran([renamed, '--help'])).text).toMatch(/^Usage: kubectl distill /);
  });

  test('asks a cluster', async () => {
    const { code, text } = await ran([program, 'status', 'mnist', '--kubeconfig', api.kubeconfig]);
    expect(text).toContain('No operator has seen this job yet.');
    expect(code).toBe(0);
  });

  test('refuses in a sentence', async () => {
    const { code, text } = await ran([program, 'logs', 'other', '--kubeconfig', api.kubeconfig]);
    expect(code).toBe(65);
    expect(text).toMatch(/^job team-a\/other: there is no such DistillJob\. List the jobs .*\n$/);
  });

  test('comes with the licenses of its packages', () => {
    const licenses = readFileSync(join(folder, 'single/LICENSES.txt'), 'utf8');
    for (const name of ['commander', 'undici', 'yaml', '@kubernetes/client-node']) {
      expect(licenses).toMatch(new RegExp(`^${name} [\\d.]+: (MIT|ISC|Apache-2.0)$`, 'm'));
    }
    const kinds = Array.from(licenses.matchAll(/^\S+ \d[\w.-]*: (.+)$/gm), ([, kind = '']) => kind);
    expect(kinds.length).toBeGreaterThan(10);
    const permissive =
      /^\(?(MIT|ISC|Apache-2\.0|BSD-[23]-Clause|0BSD|BlueOak-1\.0\.0|Unlicense|CC0-1\.0|Python-2\.0)\b/;
    expect(kinds.filter((kind) => !permissive.test(kind))).toEqual([]);
  });

  test('is described for krew by its archive', () => {
    const out = join(folder, 'distill.yaml');
    const url = 'https://example.com/distillery/releases/download/v1';
    script('krew.ts', ['--archives', join(folder, 'single'), '--url', url, '--out', out]);
    const { spec } = parse(readFileSync(out, 'utf8')) as {
      spec: { version: string; platforms: { uri: string; sha256: string; bin: string; files: { from: string }[] }[] };
    };
    expect(spec.version).toBe(`v${version}`);
    const [platform] = spec.platforms;
    const file = platform!.uri.slice(url.length + 1);
    const archive = join(folder, 'single', file);
    expect(platform!.sha256).toBe(createHash('sha256').update(readFileSync(archive)).digest('hex'));
    const content = execFileSync('tar', ['-tzf', archive], { encoding: 'utf8' }).trim().split('\n');
    expect(content).toEqual(platform!.files.map(({ from }) => from));
    expect(content).toContain(platform!.bin);
  });

  test('is refused for krew when there is no archive', async () => {
    const empty = join(folder, 'none');
    mkdirSync(empty);
    writeFileSync(join(empty, 'other.tar.gz'), '');
    const args = [join(root, 'scripts/krew.ts'), '--archives', empty, '--url', 'https://x', '--out', join(empty, 'y')];
    expect(await ran([process.execPath, ...args])).toEqual({
      code: 1,
      text: 'other.tar.gz: found another name than kubectl-distill-PLATFORM-ARCH.tar.gz. Build it with single-file.\n',
    });
  });
});
