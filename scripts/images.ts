/**
 * `npm run images [-- TARGET …]`: builds the images that no test builds, for accelerators and with TensorFlow, by the kit's buildah
 * on stand-ins for the bases, prints the size of each and fails on one that has outgrown its bound. They take gigabytes.
 */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

import { withTarget } from '../dist/test/kit/cluster/real/images.js';

interface Target {
  /** Of the image on a node: one that grows is checked by a person before it is shipped. */
  readonly mostBytes: number;
  /** Whether it copies from what `npm run native` built. */
  readonly needsNative: boolean;
}

const targets: Readonly<Record<string, Target>> = {
  'worker-cpu': { mostBytes: 0.35e9, needsNative: false },
  'worker-native': { mostBytes: 1e9, needsNative: true },
  'teacher-gpu': { mostBytes: 2.9e9, needsNative: false },
  'student-gpu': { mostBytes: 5e9, needsNative: true },
};

/** A mirror of PyPI, and an authority of its own, as the Dockerfile takes them. */
const mirror = Object.fromEntries(
  ['PIP_INDEX_URL', 'NODE_EXTRA_CA_CERTS'].flatMap((name) => {
    const value = process.env[name] ?? '';
    return value === '' ? [] : [[name, value]];
  }),
);
const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in targets));
if (unknown.length > 0) {
  process.stderr.write(`found ${unknown.join(', ')}, expected some of ${Object.keys(targets).join(', ')}\n`);
  process.exit(64);
}

/** The folder that `npm run native` fills, with what the target needs. */
function nativeFolder(target: string): string {
  const words = target === 'student-gpu' ? ['--cuda'] : [];
  return execFileSync(process.execPath, [join(import.meta.dirname, 'native.ts'), ...words], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  }).trim();
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(0)} MB`;
try {
  if (!(await fit())) process.exitCode = 1;
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}

/** @returns whether each image that was built is within its bound */
async function fit(): Promise<boolean> {
  let allFit = true;
  for (const [name, { mostBytes, needsNative }] of Object.entries(targets)) {
    if (names.length > 0 && !names.includes(name)) continue;
    const contexts = needsNative ? { tensorflow: nativeFolder(name) } : {};
    const bytes = await withTarget(name, { arguments: mirror, contexts }, (image, buildah) => buildah.size(image));
    process.stdout.write(`${name}: ${megabytes(bytes)}, at most ${megabytes(mostBytes)}\n`);
    allFit &&= bytes <= mostBytes;
  }
  return allFit;
}
