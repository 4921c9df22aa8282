/**
 * A signal in the first second of a command, while its modules are still loaded, ends it with a sentence and the
 * documented exit code. Nothing is changed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, expect, test } from '@jest/globals';

import { exitCodes } from '../../../src/cli/shared/exit.js';
import { distillProgram } from '../../kit/programs.js';

const job = join(import.meta.dirname, '../../../examples/mnist/job.yaml');
const folder = mkdtempSync(join(tmpdir(), 'distill-early-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Imitates a busy machine: the command's modules load once the file of LOAD_FILE exists. */
const slowly = `data:text/javascript,
  import { existsSync } from 'node:fs';
  import { registerHooks } from 'node:module';
  const pause = new Int32Array(new SharedArrayBuffer(4));
  registerHooks({ load(url, context, next) {
    while (url.includes('/chunks/command-') && !existsSync(process.env.LOAD_FILE)) Atomics.wait(pause, 0, 0, 10);
    return next(url, context);
  } });`;

/** Node.js itself handles SIGINT and SIGTERM by ending. SIGHUP is handled only once the command listens. */
const hangUp = 1n;

/** True when the process handles SIGHUP, according to Linux. */
function listens(pid: number): boolean {
  const caught = /^SigCgt:\t([0-9a-f]+)$/m.exec(readFileSync(`/proc/${String(pid)}/status`, 'utf8'))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & hangUp) !== 0n;
}

test.each([
  ['SIGHUP', ['run', job], exitCodes.terminated],
  ['SIGINT', ['run', job], exitCodes.interrupted],
  ['SIGTERM', ['run', job], exitCodes.terminated],
  ['SIGTERM', ['plan'], exitCodes.terminated],
  ['SIGINT', ['fetch', 'mnist'], exitCodes.interrupted],
  ['SIGINT', ['status', 'mnist', '-w'], exitCodes.interrupted],
  ['SIGHUP', ['simulate'], exitCodes.terminated],
] as const)('%s ends distill %j', async (signal, args, code) => {
  const work = mkdtempSync(join(folder, 'work-'));
  const load = `${work}-load`;
  const child = spawn(process.execPath, ['--import', slowly, distillProgram, ...args], {
    cwd: work,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, LOAD_FILE: load },
  });
  const written: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => written.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => written.push(text));
  const ended = once(child, 'close');
  while (!listens(child.pid ?? 0)) await sleep(1);
  child.kill(signal);
  writeFileSync(load, '');
  expect(await ended).toEqual([code, null]);
  expect(written.join('')).toBe('distill: stopped before it began. Nothing was changed.\n');
  expect(readdirSync(work)).toEqual([]);
});
