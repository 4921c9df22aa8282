/** The keeper, under all that hangs on it: what it started ends with its owner, in order, whatever becomes of either. */
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterEach, beforeEach, expect, test } from '@jest/globals';

import { until } from '../../kit/cluster/index.js';
import { Processes } from '../../kit/cluster/processes.js';
import { isAlive, spawnTypeScript } from '../../kit/typescript.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-processes-'));
});
afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** Says its name when it is asked to end, if it listens at all. */
const script = (name: string, onTerm: string): { name: string; command: string; args: string[] } => ({
  name,
  command: process.execPath,
  args: ['-e', `process.on('SIGTERM', () => { ${onTerm} }); setInterval(() => {}, 1000); console.log('ready')`],
});

async function ready(log: string): Promise<void> {
  await until(`${log} to be written`, async () => (await readFile(log, 'utf8').catch(() => '')).includes('ready'));
}

test('a started process has a pid, a log and an end', async () => {
  const processes = await Processes.open(folder);
  const kept = await processes.start({
    name: 'speaker',
    command: 'sh',
    args: ['-c', 'echo out; echo err >&2; exit 3'],
  });
  expect(await kept.exited).toEqual({ code: 3, signal: null });
  expect(kept.running).toBe(false);
  expect(await kept.lastWords()).toBe('out\nerr');
  await processes.close();
});

test('a command that does not exist is refused by name', async () => {
  const processes = await Processes.open(folder);
  await expect(processes.start({ name: 'ghost', command: '/nowhere/ghost', args: [] })).rejects.toThrow(
    /^ghost \(\/nowhere\/ghost\): .*ENOENT/,
  );
  await processes.close();
});

test('a process that ignores SIGTERM is killed after its grace', async () => {
  const processes = await Processes.open(folder);
  const stubborn = await processes.start(script('stubborn', ''));
  await ready(stubborn.logFile);
  expect(await stubborn.stop(50)).toEqual({ code: null, signal: 'SIGKILL' });
  await processes.close();
});

test('at the end, processes end in reverse order, then clean-ups run in reverse order, then the folder is removed', async () => {
  const story = join(folder, '..', `${folder.split('/').at(-1)}.story`);
  const tell = (word: string): string => `require('fs').appendFileSync('${story}', '${word} '); process.exit(0)`;
  const processes = await Processes.open(folder);
  processes.atEnd(['sh', '-c', `printf 'clean-up-1 ' >> ${story}; test -d ${folder} && printf 'folder' >> ${story}`]);
  processes.atEnd(['sh', '-c', `printf 'clean-up-2 ' >> ${story}`]);
  for (const name of ['first', 'second']) {
    const { logFile } = await processes.start({ ...script(name, tell(name)), graceMs: 10_000 });
    await ready(logFile);
  }
  await processes.close();
  expect(await readFile(story, 'utf8')).toBe('second first clean-up-2 clean-up-1 folder');
  expect(existsSync(folder)).toBe(false);
  await rm(story);
});

test('a folder may be kept', async () => {
  const processes = await Processes.open(folder, true);
  await processes.close();
  expect(existsSync(folder)).toBe(true);
});

test('a killed keeper ends its processes, and the owner is notified', async () => {
  const processes = await Processes.open(folder);
  const kept = await processes.start(script('orphan', ''));
  const status = await readFile(`/proc/${String(kept.pid)}/status`, 'utf8');
  process.kill(Number(/^PPid:\s+(\d+)/m.exec(status)?.[1]), 'SIGKILL');
  await kept.exited;
  await until('the end of the orphan', () => !isAlive(kept.pid));
  await processes.close();
});

test('SIGKILL of the owner of a whole control plane leaves no process and no folder', async () => {
  const owner = spawnTypeScript('cluster/owner.ts', []);
  const [line] = (await once(createInterface({ input: owner.stdout! }), 'line')) as [string];
  const owned = JSON.parse(line) as { folder: string; pids: number[] };
  expect(owned.pids.filter(isAlive)).toEqual(owned.pids);
  owner.kill('SIGKILL');
  await until('the end of every process', () => !owned.pids.some(isAlive));
  await until('the end of the folder', () => !existsSync(owned.folder));
});
