/** What `npm run native` says where it cannot build, and that it leaves nothing behind. The build itself: `npm test`. */
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { imageNativeFolder } from '@distillery/protocol';
import { afterAll, expect, it } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
const folder = mkdtempSync(join(tmpdir(), 'distill-native-build-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A folder for PATH with programs that do as `script` says. */
function pathWith(name: string, programs: readonly string[], script = 'exit 0'): string {
  const path = join(folder, name);
  mkdirSync(path);
  for (const program of programs) {
    writeFileSync(join(path, program), `#!/bin/sh\n${script}\n`);
    chmodSync(join(path, program), 0o755);
  }
  return path;
}

function build(path: string): { status: number | null; stderr: string; left: string[] } {
  const cache = mkdtempSync(join(folder, 'cache-'));
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/native.ts')], {
    encoding: 'utf8',
    env: { PATH: path, XDG_CACHE_HOME: cache },
  });
  const own = join(cache, 'distillery');
  return { status, stderr, left: existsSync(own) ? readdirSync(own) : [] };
}

it.each([
  ['pip', [], 'pip is missing (`python3 -m pip --version` does not run). Install Python 3 with pip.'],
  ['npm', ['python3'], 'npm is missing (`npm --version` does not run). Install npm.'],
  [
    'a compiler',
    ['python3', 'npm', 'tar'],
    'a C++ compiler is missing (`g++ --version` does not run). Install g++ (Debian: apt-get install g++).',
  ],
])('says that %s is missing, and what to do', (what, programs, sentence) => {
  const { status, stderr, left } = build(pathWith(what.replaceAll(' ', '-'), programs));
  expect(stderr).toBe(`runtime native: ${sentence}\n`);
  expect(status).toBe(1);
  expect(left).toEqual([]);
});

it.each(['worker-native', 'student-gpu'])('lies in the image %s where a worker looks by default', (target) => {
  const [, stage = ''] = readFileSync(join(root, 'Dockerfile'), 'utf8').split(` AS ${target}\n`);
  expect(stage.split('\nFROM ')[0]).toContain(`COPY --from=tensorflow / ${imageNativeFolder}/`);
});

it('refuses a word that it does not know', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/native.ts'), '--gpu'], {
    encoding: 'utf8',
  });
  expect(stderr).toBe('npm run native: found --gpu, expected --cuda or nothing.\n');
  expect(status).toBe(64);
});

it('refuses a package of another digest than the one that is known', () => {
  const path = pathWith('other-digest', ['python3', 'tar', 'g++']);
  writeFileSync(
    join(path, 'npm'),
    '#!/bin/sh\n[ "$1" = --version ] && exit 0\nprintf x > "$5/tensorflow-tfjs-node-4.22.0.tgz"\n',
  );
  chmodSync(join(path, 'npm'), 0o755);
  const { status, stderr, left } = build(path);
  expect(stderr).toMatch(
    /@tensorflow\/tfjs-node@4\.22\.0, SHA-256: found [0-9a-f]{64}, expected [0-9a-f]{64}, the one/,
  );
  expect(status).toBe(1);
  expect(left).toEqual([]);
});
