/** Each example at a small size, from the packages to its figures, by the command of the README. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, it } from '@jest/globals';

import { hasModel, processesOf } from '../bad-input/ending.js';
import { works } from './probe.js';

const root = join(import.meta.dirname, '../../..');
const command = join(root, 'scripts/example.ts');
const cache = join(root, '.cache/examples');
const folder = mkdtempSync(join(tmpdir(), 'distill-examples-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

interface Listed {
  readonly name: string;
  /** In examples/. */
  readonly folder: string;
  readonly figures: readonly string[];
  /** Commands that end with 0 where the example can fetch its packages. */
  readonly probes: readonly (readonly string[])[];
}
interface Output {
  readonly results: readonly { readonly seed: number; readonly figures: Record<string, number | null> }[];
}

const listed = JSON.parse(spawnSync(process.execPath, [command, '--json'], { encoding: 'utf8' }).stdout) as Listed[];

/** Names of files and folders that an interrupted or careless run of this process would leave. */
function unfinished(pid: number): string[] {
  const half = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.partial'));
  const own = new RegExp(`^\\.(making|replaced)-${String(pid)}-`);
  const making = [cache, join(cache, 'packages')]
    .filter(existsSync)
    .flatMap((parent) => readdirSync(parent).filter((name) => own.test(name)));
  return [...half, ...making];
}

it('every folder with an example is in the list', () => {
  const folders = readdirSync(join(root, 'examples')).filter((name) =>
    existsSync(join(root, 'examples', name, 'example.ts')),
  );
  expect([...new Set(listed.map((example) => example.folder))].sort()).toEqual(folders.sort());
});

describe.each(listed)('$name', ({ name, figures, probes }) => {
  (probes.every(works) ? it : it.skip)(
    'runs to its end and measures what its table shows',
    async () => {
      const dir = join(folder, name);
      const args = [command, name, '--small', '--seeds', '1', '--json', '--dir', dir];
      const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
      let [stdout, stderr] = ['', ''];
      child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
      child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
      const [code] = (await once(child, 'close')) as [number | null];

      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      const [result] = (JSON.parse(stdout) as Output).results;
      expect(figures.filter((figure) => !Number.isFinite(result?.figures[figure]))).toEqual([]);
      expect(hasModel(join(dir, 'seed-1'))).toBe(true);
      expect(unfinished(child.pid ?? 0)).toEqual([]);
      expect(processesOf(dir)).toEqual([]);
    },
    600_000,
  );
});
