/**
 * Stand-ins for the two images that our Dockerfile starts from, since tests fetch nothing from image registries: the
 * content of `debian:bookworm-slim` (Debian's minimal system without manuals), made from this machine's package sources,
 * and that of `node:24` (adds Node and npm), copied from this machine.
 */
import { createHash } from 'node:crypto';
import { readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';

import { repositoryRoot } from '../paths.js';

import type { Buildah } from './buildah.js';
import { run } from './command.js';

export interface Bases {
  readonly build: string;
  readonly runtime: string;
}

const documentation = ['man', 'info', 'doc', 'locale'].map((folder) => `path-exclude=/usr/share/${folder}/*`);
const minimalSystem = [
  '--mode=root',
  '--variant=minbase',
  '--include=libstdc++6',
  // Without this hook a program that converts old systems is installed, and all of Perl with it.
  '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
  ...[...documentation, 'path-include=/usr/share/doc/*/copyright'].map((option) => `--dpkgopt=${option}`),
];
const runtimeRecipe = 'FROM scratch\nADD system.tar /\nCMD ["/bin/bash"]\n';
const buildRecipe = (runtime: string): string => `FROM ${runtime}
COPY --from=node node /usr/local/bin/node
COPY --from=npm . /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx
`;
const systemLimitMs = 900_000;

/** Identifies the bases without making them. */
export async function basesKey(): Promise<string> {
  const release = await readFile('/etc/os-release', 'utf8');
  const npm = await readFile(join(await npmFolder(), 'package.json'), 'utf8');
  const node = await readFile(join(repositoryRoot, 'node_modules/node/package.json'), 'utf8');
  const parts = [minimalSystem, runtimeRecipe, buildRecipe(''), process.arch, release, versionOf(npm), versionOf(node)];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 12);
}

function versionOf(manifest: string): string {
  return (JSON.parse(manifest) as { version: string }).version;
}

/** Makes the bases unless they exist (30 s once per machine). */
export async function makeBases(buildah: Buildah, scratch: string): Promise<Bases> {
  const key = await basesKey();
  const bases = { build: `localhost/kit/node:${key}`, runtime: `localhost/kit/debian:${key}` };
  if (!(await buildah.has(bases.runtime))) {
    const system = join(scratch, 'system.tar');
    const { suite, sources } = await debianSources();
    await run('mmdebstrap', [...minimalSystem, suite, system, ...sources], { limitMs: systemLimitMs });
    await writeFile(join(scratch, 'Dockerfile'), runtimeRecipe);
    await buildah.build({ tag: bases.runtime, context: scratch });
    await rm(system);
  }
  if (!(await buildah.has(bases.build))) {
    await writeFile(join(scratch, 'Dockerfile'), buildRecipe(bases.runtime));
    await buildah.build({
      tag: bases.build,
      context: scratch,
      contexts: { node: join(repositoryRoot, 'node_modules/node/bin'), npm: await npmFolder() },
    });
  }
  return bases;
}

/** Package sources of this machine's apt, including mirrors. */
async function debianSources(): Promise<{ readonly suite: string; readonly sources: readonly string[] }> {
  const format = '$(CODENAME) deb $(SITE) $(RELEASE) $(COMPONENT)';
  const output = await run('apt-get', ['indextargets', '--format', format, 'Created-By: Packages', 'Origin: Debian']);
  const lines = [...new Set(output.trim().split('\n'))].filter((line) => line !== '');
  const suite = lines[0]?.split(' ')[0];
  if (suite === undefined) throw new Error('apt-get indextargets: found no source of Debian packages, expected one');
  return { suite, sources: lines.map((line) => line.slice(line.indexOf(' ') + 1)) };
}

/** The npm that runs this process, or the one on PATH. */
async function npmFolder(): Promise<string> {
  const running = process.env.npm_execpath;
  const candidates = [
    ...(running === undefined ? [] : [running]),
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'npm')),
  ];
  for (const candidate of candidates) {
    const file = await realpath(candidate).catch(() => '');
    if (file.endsWith('npm-cli.js')) return dirname(dirname(file));
  }
  throw new Error('npm: found none on PATH, expected one to build images with');
}
