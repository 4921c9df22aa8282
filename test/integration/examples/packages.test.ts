/** How an example gets its packages, and what it says and leaves behind when it cannot. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeEach, expect, it } from '@jest/globals';

import { works } from './probe.js';

const command = join(import.meta.dirname, '../../../scripts/example.ts');
const folder = mkdtempSync(join(tmpdir(), 'distill-packages-'));
const cache = join(folder, 'cache');
const path = process.env.PATH ?? '';
const withPip = works(['python3', '-m', 'pip', '--version']) ? it : it.skip;

beforeEach(() => {
  rmSync(cache, { recursive: true, force: true });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

class ExampleProcess {
  readonly child: ChildProcess;
  stderr = '';

  constructor(environment: Readonly<Record<string, string>>, name = 'file-types') {
    const args = [command, name, '--small', '--cache', cache, '--dir', join(folder, 'run')];
    this.child = spawn(process.execPath, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...environment },
    });
    this.child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.stderr += text));
  }

  /** @returns the exit code and the last line for the person */
  async ended(): Promise<{ code: number | null; said: string }> {
    const [code] = (await once(this.child, 'close')) as [number | null];
    return { code, said: this.stderr.trim().split('\n').at(-1) ?? '' };
  }
}

/** A folder with one program, to be put on PATH. */
function programFolder(name: string, script: string): string {
  const programs = mkdtempSync(join(folder, 'programs-'));
  writeFileSync(join(programs, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(programs, name), 0o755);
  return programs;
}

/** What an ended process left of packages. */
function packagesLeft(): string[] {
  const packages = join(cache, 'packages');
  return existsSync(packages) ? readdirSync(packages) : [];
}

it('an example that does not exist is a wrong command', async () => {
  const { code, said } = await new ExampleProcess({}, 'file-type').ended();
  expect(code).toBe(2);
  expect(said).toMatch(/^file-type: there is no such example\. Write .*file-types/);
});

it('without the package manager it says what to install', async () => {
  mkdirSync(join(cache, 'packages'), { recursive: true });
  // A process that was killed left this one; no process has the pid.
  mkdirSync(join(cache, 'packages/.making-4194304-1-magika-1.0.3'));
  expect(await new ExampleProcess({ PATH: programFolder('other', '') }).ended()).toEqual({
    code: 69,
    said: 'magika 1.0.3: pip is missing on this machine. Install Python 3 with pip.',
  });
  expect(packagesLeft()).toEqual([]);
});

withPip('without a registry it tries again, then says where to look', async () => {
  const run = new ExampleProcess({ PIP_INDEX_URL: 'http://127.0.0.1:9/', PIP_FIND_LINKS: '', PIP_RETRIES: '0' });
  const { code, said } = await run.ended();
  expect(code).toBe(69);
  expect(said).toMatch(/^magika 1\.0\.3: python3 could not download it \(.+\)\. Check the network, and the registry/);
  expect(run.stderr.match(/trying again/g)).toHaveLength(2);
  expect(packagesLeft()).toEqual([]);
});

withPip('another archive of the same name and version is not used', async () => {
  const wheels = join(folder, 'wheels');
  mkdirSync(wheels);
  const make = [
    'import sys, zipfile',
    'wheel = zipfile.ZipFile(sys.argv[1], "w")',
    'wheel.writestr("magika-1.0.3.dist-info/METADATA", "Metadata-Version: 2.1\\nName: magika\\nVersion: 1.0.3\\n")',
    'wheel.writestr("magika-1.0.3.dist-info/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: false\\nTag: py3-none-manylinux_2_28_x86_64\\n")',
    'wheel.writestr("magika-1.0.3.dist-info/RECORD", "")',
    'wheel.close()',
  ].join('\n');
  const wheel = join(wheels, 'magika-1.0.3-py3-none-manylinux_2_28_x86_64.whl');
  expect(spawnSync('python3', ['-c', make, wheel]).status).toBe(0);
  const { code, said } = await new ExampleProcess({ PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels }).ended();
  expect(code).toBe(65);
  expect(said).toMatch(/^magika 1\.0\.3: found an archive with the SHA-256 digest [0-9a-f]{64}, expected 3e9b49/);
  expect(packagesLeft()).toEqual([]);
});

it('Ctrl-C in the middle of a download leaves nothing', async () => {
  const pidFile = join(folder, 'pid');
  const programs = programFolder('python3', `echo $$ > ${pidFile}\nexec sleep 300`);
  const run = new ExampleProcess({ PATH: `${programs}:${path}` });
  while (!existsSync(pidFile)) await sleep(50);
  run.child.kill('SIGINT');
  expect((await run.ended()).code).toBe(130);
  expect(packagesLeft()).toEqual([]);
});
