/**
 * Writes the krew manifest of a release from the archives that scripts/single-file/build.ts made.
 *
 *   node scripts/krew.ts --archives FOLDER --url https://HOST/…/download/vX.Y.Z --out distill.yaml
 *
 * FOLDER holds kubectl-distill-PLATFORM-ARCH.tar.gz, as Node.js calls platform and processor. Exit codes: 0 done; 1 there is no
 * archive, or one has another name: prints one line and writes nothing.
 */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { stringify } from 'yaml';

import { manifestOf } from './workspaces.ts';

/** Go's names, which krew compares, by Node's. */
const systems: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'darwin' };
const processors: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

interface Platform {
  readonly selector: { readonly matchLabels: { readonly os: string; readonly arch: string } };
  readonly uri: string;
  readonly sha256: string;
  readonly bin: string;
  readonly files: readonly { readonly from: string; readonly to: string }[];
}

function platformOf(file: string, content: Uint8Array, url: string): Platform {
  const [, platform = '', processor = ''] = /^kubectl-distill-(\w+)-(\w+)\.tar\.gz$/.exec(file) ?? [];
  const [os, arch] = [systems[platform], processors[processor]];
  if (os === undefined || arch === undefined) {
    throw new Error(
      `${file}: found another name than kubectl-distill-PLATFORM-ARCH.tar.gz. Build it with single-file.`,
    );
  }
  return {
    selector: { matchLabels: { os, arch } },
    uri: `${url}/${file}`,
    sha256: createHash('sha256').update(content).digest('hex'),
    bin: 'kubectl-distill',
    files: ['kubectl-distill', 'LICENSE', 'LICENSES.txt'].map((from) => ({ from, to: '.' })),
  };
}

/** @returns the text of the manifest */
function krewManifest(version: string, platforms: readonly Platform[], homepage: string): string {
  return stringify({
    apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
    kind: 'Plugin',
    metadata: { name: 'distill' },
    spec: {
      version: `v${version}`,
      homepage,
      shortDescription: 'Watch and run knowledge distillation jobs',
      description:
        'Shows the status, logs, events and slots of DistillJobs, suspends, resumes\nand scales them, and copies finished models out of the cluster.\n',
      caveats: 'The cluster needs the Distillery operator. docs/command.md lists the rights of each command.\n',
      platforms,
    },
  });
}

const { values } = parseArgs({
  options: { archives: { type: 'string' }, url: { type: 'string' }, out: { type: 'string' } },
});
const { archives, url, out } = values;
if (archives === undefined || url === undefined || out === undefined) {
  process.stderr.write('usage: node scripts/krew.ts --archives FOLDER --url URL --out FILE\n');
  process.exit(1);
}
try {
  const files = readdirSync(archives)
    .filter((file) => file.endsWith('.tar.gz'))
    .toSorted();
  if (files.length === 0) throw new Error(`${archives}: no archive. Build one with npm run single-file.`);
  const platforms = files.map((file) => platformOf(file, readFileSync(join(archives, file)), url));
  const homepage = url.replace(/\/releases\/download\/.*$/, '');
  writeFileSync(out, krewManifest(manifestOf('.').version, platforms, homepage));
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(1);
}
