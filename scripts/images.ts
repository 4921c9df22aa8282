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
  'worker-cpu': { mostBytes: 0.6e9, needsNative: false },
  'worker-native': { mostBytes: 1.3e9, needsNative: true },
  'teacher-gpu': { mostBytes: 3.1e9, needsNative: false },
  'student-gpu': { mostBytes: 5.4e9, needsNative: true },
};

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
let tooLarge = false;
for (const [name, { mostBytes, needsNative }] of Object.entries(targets)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const contexts = needsNative ? { tensorflow: nativeFolder(name) } : {};
  const bytes = await withTarget(name, contexts, (image, buildah) => buildah.size(image));
  process.stdout.write(`${name}: ${megabytes(bytes)}, at most ${megabytes(mostBytes)}\n`);
  tooLarge ||= bytes > mostBytes;
}
if (tooLarge) process.exit(1);
