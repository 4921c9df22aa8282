/**
 * The folders of a run: a folder of another owner stays as it is, runs that start at the same time get different folders,
 * and a missing working folder or home ends the command with a sentence.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { spawnSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { distillExit, DistillProcess, isAlive, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

import { endingInShell, endingOf, endingOfRun, hasModel, nothingLeft } from './ending.js';

const home = mkdtempSync(join(tmpdir(), 'distill-folders-'));
let job = '';

beforeAll(() => {
  job = writeSmallJob(home, smallMnist(join(home, 'data'), { train: 1_024, test: 64 }), (spec) => {
    Object.assign(spec.training, { epochs: 1, augment: {} });
    spec.teacher.pools = [{ name: 'cpu', maxReplicas: 1 }];
  });
});

afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

/** Every file below a folder with its text. */
function textsIn(folder: string): Record<string, string> {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    found.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  );
}

describe("a person's own folder", () => {
  const place = join(home, 'project');
  const names = ['nats/notes', 'model/model.json', 'status.json', 'job/cv.txt', 'logs/engine.log'];

  beforeAll(() => {
    for (const name of names) {
      mkdirSync(join(place, name, '..'), { recursive: true });
      writeFileSync(join(place, name), 'the only copy');
    }
    symlinkSync(place, join(home, 'link'));
  });

  it.each(['.', '', join(home, 'link')])('is not changed by --dir %j: 65 and a sentence', async (dir) => {
    const before = textsIn(place);
    const ending = await endingInShell(`cd ${place} && exec "$@"`, ['run', job, '--dir', dir], place);
    expect(ending).toMatchObject({ exitCode: distillExit.badInput, survivors: [] });
    expect(ending.message).toMatch(/Name a (new or an empty )?folder\.$/);
    expect(ending.message.split('\n')).toHaveLength(1);
    expect(textsIn(place)).toEqual(before);
    expect(readdirSync(place).sort()).toEqual(['job', 'logs', 'model', 'nats', 'status.json']);
  });
});

it('two runs that begin in the same second each have a folder, a model and its list', async () => {
  const place = join(home, 'at-once');
  mkdirSync(place);
  const both = await Promise.all(
    [1, 2].map(() => endingInShell(`cd ${place} && exec "$@"`, ['run', job, '--json', '--slots', '1'], place)),
  );
  expect(both.map(({ exitCode }) => exitCode)).toEqual([distillExit.ok, distillExit.ok]);
  const runs = readdirSync(join(place, 'runs')).map((name) => join(place, 'runs', name));
  expect(runs).toHaveLength(2);
  for (const run of runs) {
    expect(hasModel(run)).toBe(true);
    expect(readdirSync(run)).not.toContain('nats');
    const check = spawnSync('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: join(run, 'model') });
    expect(String(check.stderr)).toBe('');
    expect(check.status).toBe(0);
  }
});

it('a run continues after its working folder is removed, also with a new student', async () => {
  const [place, gone] = [join(home, 'outlived'), join(home, 'gone-later')];
  mkdirSync(gone);
  const slow = writeSmallJob(gone, `file://${join(home, 'data')}`, (spec) => {
    Object.assign(spec.training, { epochs: 8 });
  });
  const run = new DistillProcess(['run', slow, '--json', '--dir', place], {}, gone);
  await run.until('a student trains', () => (run.progress?.step ?? 0) > 0);
  rmSync(gone, { recursive: true });
  const student = run.progress?.pids.student ?? 0;
  expect(isAlive(student)).toBe(true);
  process.kill(student, 'SIGKILL');
  expect(await endingOf(run, place)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
  expect(run.events.filter(({ reason }) => reason === 'StudentStarted').length).toBeGreaterThan(1);
});

describe('a run that was stopped, as a copy of its folder', () => {
  const place = join(home, 'stopped');
  const digestOf = async (folder: string): Promise<string | undefined> => {
    const run = new DistillProcess(['run', '--resume', folder, '--json']);
    expect(await endingOf(run, folder)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
    return run.result?.digest;
  };
  let whole: string | undefined;

  beforeAll(async () => {
    const long = writeSmallJob(mkdtempSync(join(home, 'long-')), `file://${join(home, 'data')}`, (spec) => {
      Object.assign(spec.training, { epochs: 3, augment: {} });
      spec.teacher.pools = [{ name: 'cpu', maxReplicas: 1 }];
    });
    const run = new DistillProcess(['run', long, '--json', '--dir', place]);
    await run.until('a checkpoint', () => (run.progress?.step ?? 0) > 20);
    run.child.kill('SIGINT');
    expect(await run.ended()).toBe(distillExit.interrupted);
    cpSync(place, join(home, 'whole'), { recursive: true });
    whole = await digestOf(join(home, 'whole'));
  });

  it.each([
    ['mark', ['.distillery']],
    ['logs, job and status', ['logs', 'job', 'status.json']],
    ['server', ['nats']],
    ['manifest and the configuration of its server', ['job/manifest.json', 'nats/nats-server.json']],
  ])('ends with the same model without its %s', async (_what, names) => {
    const copy = mkdtempSync(join(home, 'copy-'));
    cpSync(place, copy, { recursive: true });
    for (const name of names) rmSync(join(copy, name), { recursive: true });
    expect(await digestOf(copy)).toBe(whole);
  });

  it('is refused without its job.json', async () => {
    const copy = mkdtempSync(join(home, 'copy-'));
    cpSync(place, copy, { recursive: true });
    rmSync(join(copy, 'job.json'));
    const before = textsIn(copy);
    const { exitCode, message } = await endingOf(new DistillProcess(['run', '--resume', copy]), copy);
    expect(exitCode).toBe(distillExit.badInput);
    expect(message).toContain(`--resume ${copy}: found no readable job.json there`);
    expect(textsIn(copy)).toEqual(before);
  });

  it('keeps the files of others', async () => {
    const copy = mkdtempSync(join(home, 'copy-'));
    cpSync(place, copy, { recursive: true });
    const names = ['notes.txt', 'logs/notes', 'job/notes', 'model/notes', 'checkpoints/notes'];
    for (const name of names) {
      mkdirSync(join(copy, name, '..'), { recursive: true });
      writeFileSync(join(copy, name), 'the only copy');
    }
    expect(await digestOf(copy)).toBe(whole);
    for (const name of names) expect(readFileSync(join(copy, name), 'utf8')).toBe('the only copy');
  });

  it('is not resumed into another folder', async () => {
    const run = new DistillProcess(['run', '--resume', place, '--dir', join(home, 'elsewhere')]);
    expect(await run.ended()).toBe(distillExit.usage);
    expect(run.stderr).toBe('distill run: --dir names the folder of a new run. Leave it out with --resume.\n');
  });
});

describe('a marked folder whose nats/ has another owner', () => {
  it('is refused before anything is written', async () => {
    const place = join(home, 'foreign-nats');
    mkdirSync(join(place, 'nats'), { recursive: true });
    writeFileSync(join(place, '.distillery'), '{"kind":"run"}');
    writeFileSync(join(place, 'nats', 'notes'), 'the only copy');
    const before = textsIn(place);
    const { exitCode, message } = await endingOf(new DistillProcess(['run', job, '--dir', place]), place);
    expect({ exitCode, message }).toEqual({
      exitCode: distillExit.badInput,
      message: `--dir ${place}: nats in it is not of this run, which keeps its NATS server there. Move it elsewhere.`,
    });
    expect(textsIn(place)).toEqual(before);
    expect(readdirSync(place).sort()).toEqual(['.distillery', 'nats']);
  });
});

it.each(['DISTILL_RUNTIME', 'DISTILL_LOG_LEVEL'])('a wrong %s is refused before a run begins', async (name) => {
  const place = join(home, name);
  const { exitCode, message } = await endingOfRun(job, place, { [name]: 'gpu' });
  expect(exitCode).toBe(distillExit.usage);
  expect(message).toMatch(new RegExp(`^${name}: found "gpu", expected .*\\. Correct it, or unset it\\.$`));
  expect(existsSync(place)).toBe(false);
});

describe('a working folder that is gone', () => {
  it.each([
    ['run', [join(home, 'job.yaml')]],
    ['run', ['--resume', home]],
    ['validate', [join(home, 'job.yaml')]],
    ['slots', ['2']],
    ['plan', []],
    ['fetch', ['mnist']],
    ['simulate', ['day.json']],
  ])('ends %s %j with 74 and a sentence', async (command, args) => {
    const line = `mkdir -p ${home}/gone && cd ${home}/gone && rmdir ${home}/gone && exec "$@"`;
    const { exitCode, message } = await endingInShell(line, [command, ...args], home);
    expect({ exitCode, message }).toEqual({
      exitCode: distillExit.storage,
      message: 'the working folder was removed. Change to a folder that exists, then try again.',
    });
  });
});

describe('a home folder', () => {
  it.each([
    [
      'empty',
      'HOME=',
      /no home folder to install it in, since neither HOME nor XDG_CACHE_HOME is an absolute path\. Set DISTILL_NATS_URL/,
    ],
    ['relative', 'HOME=home', /there is no home folder to install it in/],
    ['a device', 'HOME=/dev/null', /the cache folder \/dev\/null\/\.cache\/distillery cannot be written: ENOTDIR/],
    [
      'nowhere',
      'HOME=/proc/nowhere',
      /the cache folder \/proc\/nowhere\/\.cache\/distillery cannot be written: ENOENT/,
    ],
  ])('that is %s ends a run that needs a server with 69 and a sentence', async (_, setting, sentence) => {
    const place = mkdtempSync(join(home, 'homeless-'));
    const line = `cd ${place} && exec env -u XDG_CACHE_HOME PATH=/nowhere ${setting} "$@"`;
    const ending = await endingInShell(line, ['run', job, '--dir', join(place, 'run')], place);
    expect(ending).toMatchObject({ exitCode: distillExit.unavailable, ...nothingLeft });
    expect(ending.message).toMatch(sentence);
    expect(ending.message.split('\n')).toHaveLength(1);
    // A run that never began leaves no folder.
    expect(readdirSync(place)).toEqual([]);
  });
});
