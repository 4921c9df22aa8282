/** The frame around a real process: whatever happens inside, there is an exit code, and a last sentence where one is due. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { manifestWith } from '../../kit/worker-fakes.js';

const compiled = join(import.meta.dirname, '../../../dist/workers');
const moduleUrl = (path: string): string => JSON.stringify(pathToFileURL(join(compiled, path)).href);

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-process-'));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifestWith()));
  writeFileSync(join(folder, 'password'), 'secret');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly words: string | null;
  readonly output: string;
}

let runs = 0;

/** Runs a worker whose work is `body`; `act` may signal it once it has printed "ready". */
async function ended(
  body: string,
  act: (pid: number, closeOwnerPipe: () => void) => void = () => undefined,
  environment: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const wordsFile = join(folder, `words-${String(runs++)}`);
  const script =
    `import { runWorker } from ${moduleUrl('process/index.js')};` +
    `import { WorkerError } from ${moduleUrl('base/index.js')};` +
    `await runWorker('teacher', async ({ stop, clock }) => { ${body} });`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: {
      DISTILL_MANIFEST: join(folder, 'manifest.json'),
      DISTILL_NATS_URL: 'nats://127.0.0.1:1',
      DISTILL_NATS_USER: 'u',
      DISTILL_NATS_PASSWORD_FILE: join(folder, 'password'),
      DISTILL_POD: 'pod-1',
      DISTILL_TERMINATION_LOG: wordsFile,
      ...environment,
    },
  });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    if (text.includes('ready')) act(child.pid ?? 0, () => child.stdin.end());
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, words: existsSync(wordsFile) ? readFileSync(wordsFile, 'utf8') : null, output };
}

const untilStopped = "console.log('ready'); await clock.sleep(60_000, stop);";

describe('a worker process', () => {
  test('that has done its work ends with 0 and no last words', async () => {
    expect(await ended('')).toMatchObject({ code: 0, words: null });
  });

  test.each([
    ['an error', "throw new Error('boom');", 1, 'boom'],
    [
      'bad input',
      "throw new WorkerError('terminal', { about: 'a', found: 'x', expected: 'y', remedy: 'mend it' });",
      65,
      'a: found x, expected y. Mend it.',
    ],
    ['a rejection without a handler', "void Promise.reject(new Error('lost')); await clock.sleep(60_000);", 1, 'lost'],
    [
      'a throw in a callback',
      "setTimeout(() => { throw new WorkerError('storage', { about: '', problem: 'full', remedy: '' }); }); await clock.sleep(60_000);",
      74,
      'full',
    ],
  ])('that meets %s says so last and ends with its code', async (_what, body, code, words) => {
    expect(await ended(body)).toMatchObject({ code, words });
  });

  test('without its variables says which before anything else', async () => {
    const { code, words } = await ended('', undefined, { DISTILL_POD: '' });
    expect(code).toBe(65);
    expect(words).toContain('DISTILL_POD: found "", expected a name');
  });

  test('is asked to stop by SIGTERM, not by SIGINT, and leaves no last words', async () => {
    const body = `${untilStopped} throw new WorkerError('stopped', { about: '', problem: 'asked to stop', remedy: '' });`;
    const end = await ended(body, (pid) => {
      process.kill(pid, 'SIGINT');
      process.kill(pid, 'SIGTERM');
    });
    expect(end).toMatchObject({ code: 143, words: null });
    expect(end.output).toContain('asked to stop');
  });

  test('stops when its owner is gone', async () => {
    const body = `${untilStopped} throw new WorkerError('stopped', { about: '', problem: 'asked to stop', remedy: '' });`;
    const end = await ended(body, (_pid, close) => close(), { DISTILL_OWNER_PIPE: '1' });
    expect(end.code).toBe(143);
  });

  test('ends soon after its owner even when it does not listen', async () => {
    const end = await ended("console.log('ready'); await clock.sleep(3_600_000);", (_pid, close) => close(), {
      DISTILL_OWNER_PIPE: '1',
    });
    expect(end.code).toBe(143);
  });
});
