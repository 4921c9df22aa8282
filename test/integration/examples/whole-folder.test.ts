/** Folders of packages and prepared data, by processes that work at the same time, and by one that is killed. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterEach, beforeEach, expect, it } from '@jest/globals';

const module = join(import.meta.dirname, '../../../scripts/examples/whole-folder.ts');
let parent = '';

beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'distill-folders-'));
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

/** Makes the folder `data` with a file that holds the stamp. The process waits for `gate` in between, if one is named. */
function maker(stamp: string, gate?: string): ChildProcess {
  const program = `
    import { existsSync, writeFileSync } from 'node:fs';
    import { setTimeout as sleep } from 'node:timers/promises';
    import { wholeFolder } from ${JSON.stringify(module)};
    const [parent, stamp, gate] = process.argv.slice(1);
    const isNew = await wholeFolder(parent + '/data', stamp, async (folder) => {
      writeFileSync(folder + '/content', stamp);
      while (gate !== undefined && !existsSync(gate)) await sleep(10);
    });
    process.stdout.write(isNew ? 'made' : 'kept');`;
  const args = ['--input-type=module', '-e', program, parent, stamp, ...(gate === undefined ? [] : [gate])];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
}

async function said(child: ChildProcess): Promise<string> {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part: string) => (text += part));
  await once(child, 'close');
  return text;
}

async function untilUnfinished(count: number): Promise<void> {
  while (readdirSync(parent).filter((name) => name.startsWith('.making-')).length < count) await sleep(10);
}

const content = (): string => readFileSync(join(parent, 'data/content'), 'utf8');

it('makes a folder once, and again for another stamp', async () => {
  expect(await said(maker('one'))).toBe('made');
  expect(await said(maker('one'))).toBe('kept');
  expect(await said(maker('two'))).toBe('made');
  expect(content()).toBe('two');
  expect(readdirSync(parent)).toEqual(['data']);
});

it('two processes at once end with one whole folder', async () => {
  const gate = join(parent, 'gate');
  const makers = [maker('one', gate), maker('one', gate)];
  await untilUnfinished(2);
  expect(existsSync(join(parent, 'data'))).toBe(false);
  const ended = Promise.all(makers.map(said));
  writeFileSync(gate, '');
  expect(await ended).toEqual(['made', 'made']);
  expect(content()).toBe('one');
  expect(readdirSync(parent).sort()).toEqual(['data', 'gate']);
});

it('what a killed process left is removed by the next one', async () => {
  const killed = maker('one', join(parent, 'never'));
  await untilUnfinished(1);
  killed.kill('SIGKILL');
  await once(killed, 'close');
  expect(readdirSync(parent)).toEqual([expect.stringMatching(/^\.making-/)]);
  expect(await said(maker('one'))).toBe('made');
  expect(readdirSync(parent)).toEqual(['data']);
});
