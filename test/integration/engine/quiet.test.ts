/**
 * A run reports to no vendor: none of its processes contacts an address outside of this machine or resolves a name, and
 * none leaves a file outside of the run's folder. The kernel traces the calls, so that native libraries are included.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { quietLibraries } from '@distillery/protocol';
import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { cacheFolderOf } from '../../../src/cli/shared/cache-folder.js';
import { findNatsServer } from '../../../src/stream/index.js';
import { writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { canTrace, outsideContacts, strace, traceContacts } from '../../kit/strace.js';
import { distillProgram } from '../../kit/programs.js';

const root = join(import.meta.dirname, '../../..');
const canSee = await canTrace();
const folder = mkdtempSync(join(tmpdir(), 'distill-quiet-'));
const home = join(folder, 'home');
const temporary = join(folder, 'tmp');
let path = '';

beforeAll(async () => {
  for (const each of [home, temporary]) mkdirSync(each);
  const found = await findNatsServer({
    url: undefined,
    path: process.env.PATH ?? '',
    cacheFolder: cacheFolderOf(process.env, homedir),
    platform: process.platform,
    arch: process.arch,
    environment: process.env,
    progress: () => undefined,
    stop: new AbortController().signal,
    nowMs: Date.now(),
  });
  // Put a server on PATH: otherwise the run would install one into its new home folder.
  path = found.kind === 'binary' ? `${dirname(found.binary)}:${process.env.PATH ?? ''}` : (process.env.PATH ?? '');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs Node under the trace. @returns its exit code */
async function traced(args: readonly string[], trace: string, environment: Record<string, string>): Promise<number> {
  const child = spawn(strace, [...traceContacts(trace), process.execPath, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { PATH: path, HOME: home, TMPDIR: temporary, ...environment },
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return code ?? -1;
}

const compiled = '.cache/distillery/compiled';
const ourCache = ['.cache', '.cache/distillery', compiled];
const filesIn = (of: string): string[] => readdirSync(of, { recursive: true, encoding: 'utf8' }).sort();

(canSee ? test : test.skip)(
  'a whole run contacts this machine alone, and leaves files in its folder alone',
  async () => {
    const data = smallMnist(join(folder, 'data'), { train: 256, test: 64 });
    const job = writeSmallJob(folder, data, (spec) => {
      spec.training.epochs = 1;
    });
    const trace = join(folder, 'run.trace');
    const args = [distillProgram, 'run', job, '--json', '--dir', join(folder, 'run')];
    expect(await traced(args, trace, {})).toBe(0);
    expect(await outsideContacts(trace)).toEqual([]);
    // Compiled modules are the one thing that the command itself keeps there.
    const others = filesIn(home).filter((name) => !(ourCache.includes(name) || name.startsWith(`${compiled}/`)));
    expect({ home: others, temporary: filesIn(temporary) }).toEqual({ home: [], temporary: [] });
  },
);

(canSee ? test : test.skip)(
  'the trace would show it: the same library without the switch leaves its files',
  async () => {
    const file = join(folder, 'load.mjs');
    writeFileSync(
      file,
      `import { readFileSync } from 'node:fs';
     const { InferenceSession } = await import(${JSON.stringify(join(root, 'node_modules/onnxruntime-node/dist/index.js'))});
     const session = await InferenceSession.create(readFileSync('examples/mnist/models/teacher.onnx'));
     await session.release();`,
    );
    const trace = join(folder, 'load.trace');
    expect(await traced([file], trace, {})).toBe(0);
    expect(filesIn(home).some((name) => name.includes('deviceid'))).toBe(true);
    for (const each of [home, temporary]) {
      rmSync(each, { recursive: true });
      mkdirSync(each);
    }
    expect(await traced([file], trace, quietLibraries)).toBe(0);
    expect({ home: filesIn(home), temporary: filesIn(temporary) }).toEqual({ home: [], temporary: [] });
  },
);
