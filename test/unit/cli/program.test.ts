/** Which commands the program has under which name, and how little it imports for one of them. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';
import { distillProgram } from '../../kit/programs.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-program-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const plugin = join(folder, 'kubectl-distill');
symlinkSync(distillProgram, plugin);

/** Prints the imported files to standard error when the command ends. */
const counting = `data:text/javascript,
  import { registerHooks } from 'node:module';
  const files = [];
  registerHooks({ load(url, context, next) { files.push(url); return next(url, context); } });
  process.on('exit', () => process.stderr.write(JSON.stringify(files)));`;

interface Started {
  readonly code: number | null;
  readonly text: string;
  readonly files: readonly string[];
}

function started(args: readonly string[], program = distillProgram): Started {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', counting, program, ...args], {
    encoding: 'utf8',
    // Columns decide where commander breaks lines.
    env: { ...process.env, XDG_CACHE_HOME: folder, COLUMNS: '80' },
  });
  const files = JSON.parse(stderr.slice(stderr.lastIndexOf('["'))) as string[];
  return { code: status, text: `${stdout}${stderr.slice(0, stderr.lastIndexOf('["'))}`, files };
}

/** The commands that a help lists. */
function commandsIn(help: string): string[] {
  const listed = help.slice(help.indexOf('\nCommands:'));
  return Array.from(listed.matchAll(/^ {2}([a-z]+)(?= |$)/gm), ([, name = '']) => name);
}

const local = ['init', 'run', 'slots', 'doctor', 'report', 'validate', 'models', 'simulate'];
const cluster = ['status', 'top', 'plan', 'logs', 'events', 'suspend', 'resume', 'scale', 'fetch', 'support'];

describe('the program', () => {
  test('has the commands of a laptop and of a cluster', () => {
    const { text, code } = started(['--help']);
    expect(code).toBe(0);
    expect(commandsIn(text)).toEqual([...local, ...cluster, 'completion', 'help']);
  });

  test('is for kubectl that of a cluster', () => {
    const { text } = started(['--help'], plugin);
    expect(text).toMatch(/^Usage: kubectl distill /);
    expect(commandsIn(text)).toEqual([...cluster, 'report', 'completion', 'help']);
    expect(started(['run', 'job.yaml'], plugin)).toMatchObject({ code: 2 });
  });

  test.each([...local, ...cluster, 'completion'])('has an example in the help of %s', (name) => {
    const { text, code } = started([name, '--help']);
    expect(code).toBe(0);
    expect(text).toMatch(new RegExp(`^  \\$ .*distill ${name}\\b`, 'm'));
    expect(text).not.toMatch(/default:\s+(false|\[\])/);
  });

  test('proposes the command that was meant', () => {
    const { code, text } = started(['stauts']);
    expect(code).toBe(2);
    expect(text).toContain('Did you mean status?');
  });

  test('names the help of the command that was used wrongly', () => {
    expect(started(['scale', 'mnist', '--max', '-1']).text).toContain('(distill scale --help says more)');
    expect(started(['status'], plugin).text).toContain('(kubectl distill status --help says more)');
  });
});

describe('the start', () => {
  /** Packages that no help needs, which take longer to import than Node.js to start. */
  const heavy = /node_modules\/(zod|undici|ajv|yaml|pino|prom-client|@kubernetes|@nats-io|@marcbachmann)\//;

  test.each<[string, readonly string[], string]>([
    ['the version', ['--version'], distillProgram],
    ['the help of a command', ['status', '--help'], distillProgram],
    ['the help of a command of kubectl', ['logs', '--help'], plugin],
    ['a usage error', ['status'], distillProgram],
  ])('of %s imports no library but that of the command line', (_, args, program) => {
    const { files } = started(args, program);
    expect(files.filter((file) => heavy.test(file))).toEqual([]);
    expect(files.filter((file) => !file.startsWith('node:')).length).toBeLessThan(80);
  });

  test('of a command in a cluster imports neither NATS nor metrics', () => {
    const { code, files } = started(['status', 'mnist', '--kubeconfig', '/nowhere/config']);
    expect(code).toBe(2);
    expect(files.filter((file) => /node_modules\/(pino|prom-client|@nats-io)\//.test(file))).toEqual([]);
  });
});
