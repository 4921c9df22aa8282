/** The folder of a run: which folders it accepts, one process at a time, and what a resumed run finds. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { RunFolder } from '../../../../src/cli/local/run-folder.js';
import { plainJob } from '../../../kit/snapshots.js';
import { spawnTypeScript } from '../../../kit/typescript.js';

let home = '';
let run = '';
let other: ChildProcess | null = null;
/** The pid of no process: the largest that Linux assigns. */
const deadPid = 4_194_304;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'distill-folder-'));
  run = join(home, 'runs', 'mnist');
});

afterEach(async () => {
  if (other !== null) {
    other.kill('SIGKILL');
    await once(other, 'exit');
    other = null;
  }
  rmSync(home, { recursive: true, force: true });
});

function failureOf(work: () => unknown): CliError {
  try {
    work();
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Another process that is alive during the test. */
function anotherProcess(): number {
  other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  return other.pid!;
}

describe('a run that is refused before it began', () => {
  const inHome = (): string[] => readdirSync(home);

  test('leaves nothing, nor the folders above that it made', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    writeFileSync(folder.file('logs', 'engine.log'), 'started');
    folder.discard();
    folder.release();
    expect(inHome()).toEqual([]);
  });

  test('leaves an empty folder that was there as it was, and a folder above that has another run', () => {
    mkdirSync(run, { recursive: true });
    const folder = RunFolder.create(run, plainJob(), process.pid);
    folder.discard();
    folder.release();
    expect(readdirSync(run)).toEqual([]);
    const [next, other] = [1, 2].map((at) =>
      RunFolder.createNew(join(home, 'more', String(at)), plainJob(), process.pid),
    );
    next!.discard();
    expect(readdirSync(join(home, 'more'))).toEqual(['2']);
    other!.release();
  });

  test('leaves what an earlier run left there', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    const again = RunFolder.create(run, plainJob(), process.pid);
    again.discard();
    again.release();
    const resumed = RunFolder.resume(run, process.pid);
    resumed.discard();
    resumed.release();
    expect(existsSync(join(run, 'job.json'))).toBe(true);
  });

  test('is another than one that has begun', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    folder.keep();
    folder.discard();
    folder.release();
    expect(existsSync(join(run, 'job.json'))).toBe(true);
  });
});

describe('a new run', () => {
  test('writes the job and a lock with its pid, and makes the folders above', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    expect(readdirSync(run).sort()).toEqual(['.distillery', 'job.json', 'logs', 'run.lock']);
    expect(JSON.parse(readFileSync(folder.file('job.json'), 'utf8'))).toEqual(plainJob());
    expect(readFileSync(folder.file('run.lock'), 'utf8')).toBe(`${String(process.pid)}\n`);
    expect(folder.file('nats', 'store')).toBe(join(run, 'nats', 'store'));
  });

  test('releases the lock', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    folder.release();
    folder.release();
    expect(existsSync(folder.file('run.lock'))).toBe(false);
  });

  test('replaces a run that stopped before it trained a step', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    expect(RunFolder.create(run, plainJob(), process.pid).job).toEqual(plainJob());
  });

  test('never replaces a run that trained', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    writeFileSync(join(run, 'status.json'), JSON.stringify({ progress: { step: 12 } }));
    const before = readFileSync(join(run, 'job.json'), 'utf8');
    const { reason, message } = failureOf(() => RunFolder.create(run, { ...plainJob(), status: {} }, process.pid));
    expect(reason).toBe('badInput');
    expect(message).toContain('found a run that trained 12 steps there');
    expect(message).toContain(`--resume ${run}`);
    expect(readFileSync(join(run, 'job.json'), 'utf8')).toBe(before);
    expect(existsSync(join(run, 'run.lock'))).toBe(false);
  });
});

/** Every file below a folder with its text. */
function textsIn(folder: string): Record<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), 'utf8')]),
  );
}

describe("a person's own folder", () => {
  const content = { 'nats/notes': 'mine', 'model/model.json': 'mine', 'status.json': '{}', 'job/cv.txt': 'mine' };

  beforeEach(() => {
    mkdirSync(run, { recursive: true });
    for (const [name, text] of Object.entries(content)) {
      mkdirSync(join(run, name, '..'), { recursive: true });
      writeFileSync(join(run, name), text);
    }
  });

  test.each<[string, () => unknown]>([
    ['begun in', () => RunFolder.create(run, plainJob(), process.pid)],
    ['begun in, by a link to it,', () => RunFolder.create(linkTo(run), plainJob(), process.pid)],
    ['resumed in', () => RunFolder.resume(run, process.pid)],
  ])('is not %s, and stays as it is', (_, enter) => {
    const before = textsIn(run);
    expect(failureOf(enter).reason).toBe('badInput');
    expect(textsIn(run)).toEqual(before);
    expect(readdirSync(run).sort()).toEqual(['job', 'model', 'nats', 'status.json']);
  });

  test('is refused with what it holds, and a remedy', () => {
    expect(failureOf(() => RunFolder.create(run, plainJob(), process.pid)).message).toBe(
      `--dir ${run}: the folder holds job, model, nats and 1 more, which is not of a run. Name a new or an empty folder.`,
    );
  });

  test('is not resumed when files of another owner lie beside the run of an earlier release', () => {
    writeFileSync(join(run, 'job.json'), JSON.stringify(plainJob()));
    const before = textsIn(run);
    expect(failureOf(() => RunFolder.resume(run, process.pid)).message).toBe(
      `--resume ${run}: the folder has no file .distillery, and holds job/cv.txt, nats/notes, which is not of a run. ` +
        'Move that elsewhere, then resume.',
    );
    expect(textsIn(run)).toEqual(before);
  });
});

function linkTo(folder: string): string {
  const link = join(home, 'link');
  symlinkSync(folder, link);
  return link;
}

describe('a folder that the person names', () => {
  test.each(['', ' '])('%j is refused: it would be the working folder', (name) => {
    for (const enter of [() => RunFolder.create(name, plainJob(), 1), () => RunFolder.resume(name, 1)]) {
      const { reason, message } = failureOf(enter);
      expect(reason).toBe('badInput');
      expect(message).toMatch(/^--(dir|resume): the name of the folder is empty\. Name a folder\.$/);
    }
  });

  test('is taken when it is empty, also through a link', () => {
    mkdirSync(run, { recursive: true });
    RunFolder.create(linkTo(run), plainJob(), process.pid);
    expect(readdirSync(run).sort()).toEqual(['.distillery', 'job.json', 'logs', 'run.lock']);
  });

  test.each(['nats', 'model', 'logs', 'job/manifest.json', 'status.json', 'baseline/model'])(
    'is refused when %s in it is a link: nothing is written through it',
    (name) => {
      RunFolder.create(run, plainJob(), process.pid).release();
      const elsewhere = join(home, 'elsewhere');
      mkdirSync(elsewhere);
      rmSync(join(run, name), { recursive: true, force: true });
      mkdirSync(join(run, name, '..'), { recursive: true });
      symlinkSync(elsewhere, join(run, name));
      for (const enter of [
        () => RunFolder.create(run, plainJob(), process.pid),
        () => RunFolder.resume(run, process.pid),
      ]) {
        const { reason, message } = failureOf(enter);
        expect(reason).toBe('badInput');
        expect(message).toContain(`${name} in it is a link, and a run writes only into its own folder`);
      }
      expect(readdirSync(elsewhere)).toEqual([]);
    },
  );
});

describe('a run whose folder holds something of another owner', () => {
  test.each<[string, string, (inner: string) => void]>([
    ['nats', 'which keeps its NATS server there', (inner) => writeFileSync(join(inner, 'notes'), 'mine')],
    ['baseline', 'which keeps the run of --baseline there', (inner) => writeFileSync(join(inner, 'notes'), 'mine')],
    [
      'baseline',
      'which keeps the run of --baseline there',
      (inner) => {
        writeFileSync(join(inner, 'job.json'), 'mine');
        writeFileSync(join(inner, 'notes'), 'mine');
      },
    ],
  ])('as %s is refused before anything is written', (name, which, put) => {
    RunFolder.create(run, plainJob(), process.pid).release();
    mkdirSync(join(run, name));
    put(join(run, name));
    rmSync(join(run, 'logs'), { recursive: true });
    const before = textsIn(run);
    for (const [option, enter] of [
      ['--dir', () => RunFolder.create(run, plainJob(), process.pid)],
      ['--resume', () => RunFolder.resume(run, process.pid)],
    ] as const) {
      const { reason, message } = failureOf(enter);
      expect([reason, message]).toEqual([
        'badInput',
        `${option} ${run}: ${name} in it is not of this run, ${which}. Move it elsewhere.`,
      ]);
    }
    expect(textsIn(run)).toEqual(before);
    expect(existsSync(join(run, 'logs'))).toBe(false);
  });

  test('in nats/, which goes when the run is complete, is refused and stays', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    mkdirSync(join(run, 'nats', 'store'), { recursive: true });
    writeFileSync(join(run, 'nats', '.distillery'), '{"kind":"nats"}');
    writeFileSync(join(run, 'nats', 'nats-server.json.7-1.partial'), '');
    RunFolder.resume(run, process.pid).release();
    writeFileSync(join(run, 'nats', 'notes'), 'mine');
    expect(failureOf(() => RunFolder.resume(run, process.pid)).message).toBe(
      `--resume ${run}: nats/notes in it is not of a run. Move it elsewhere.`,
    );
    expect(readFileSync(join(run, 'nats', 'notes'), 'utf8')).toBe('mine');
  });

  test.each(['nats', 'baseline'])('as an empty folder %s is taken', (name) => {
    RunFolder.create(run, plainJob(), process.pid).release();
    mkdirSync(join(run, name));
    RunFolder.resume(run, process.pid).release();
  });
});

describe('a run whose folder holds something of another kind under a name of its own', () => {
  const fileInPlaceOf = (path: string): void => writeFileSync(path, 'mine');
  const folderInPlaceOf = (path: string): void => mkdirSync(path);
  const pipeInPlaceOf = (path: string): void => void execFileSync('mkfifo', [path]);

  test.each<[string, string, (path: string) => void]>([
    ['logs', 'a file', fileInPlaceOf],
    ['job', 'a file', fileInPlaceOf],
    ['nats', 'a file', fileInPlaceOf],
    ['model', 'a file', fileInPlaceOf],
    ['checkpoints', 'a named pipe', pipeInPlaceOf],
    ['slots', 'a folder', folderInPlaceOf],
    ['status.json', 'a folder', folderInPlaceOf],
    ['status.json', 'a named pipe', pipeInPlaceOf],
    ['run.lock', 'a folder', folderInPlaceOf],
  ])('is refused when its %s is %s, which stays', (name, _kind, put) => {
    RunFolder.create(run, plainJob(), process.pid).release();
    rmSync(join(run, name), { recursive: true, force: true });
    put(join(run, name));
    const before = readdirSync(run).sort();
    for (const enter of [
      () => RunFolder.create(run, plainJob(), process.pid),
      () => RunFolder.resume(run, process.pid),
    ]) {
      const { reason, message } = failureOf(enter);
      expect(reason).toBe('badInput');
      expect(message).toMatch(
        new RegExp(`: ${name} in it is not a (file|folder), as a run (writes|makes) it\\. Move it`),
      );
    }
    expect(readdirSync(run).sort()).toEqual(before);
  });

  test('is not waited for when its job.json is a named pipe', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    rmSync(join(run, 'job.json'));
    pipeInPlaceOf(join(run, 'job.json'));
    expect(failureOf(() => RunFolder.resume(run, process.pid)).message).toContain('no readable job.json');
  });
});

describe('a copy of a run without its dot files', () => {
  test('is resumed, and marked again', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    for (const name of ['nats', 'model']) {
      mkdirSync(join(run, name));
      writeFileSync(join(run, name, '.distillery'), JSON.stringify({ kind: name }));
    }
    writeFileSync(join(run, 'model', 'SHA256SUMS'), '');
    rmSync(join(run, '.distillery'));
    expect(RunFolder.resume(run, process.pid).job).toEqual(plainJob());
    expect(existsSync(join(run, '.distillery'))).toBe(true);
  });
});

describe('a run of an earlier release', () => {
  test('is resumed although its folder carries no mark, which it then gets', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    rmSync(join(run, '.distillery'));
    mkdirSync(join(run, 'nats', 'store'), { recursive: true });
    for (const name of ['status.json', 'slots', 'nats/nats-server.json', 'logs/student-1.log', 'run.lock.7']) {
      writeFileSync(join(run, name), '{}');
    }
    expect(RunFolder.resume(run, process.pid).job).toEqual(plainJob());
    expect(readdirSync(join(run, 'nats')).sort()).toEqual(['.distillery', 'nats-server.json', 'store']);
    expect(existsSync(join(run, '.distillery'))).toBe(true);
  });
});

describe('runs without a named folder', () => {
  test('each get a folder of their own, also when many start in the same second', () => {
    const folders = [1, 2, 3].map(() => RunFolder.createNew(run, plainJob(), process.pid).path);
    expect(folders).toEqual([run, `${run}-2`, `${run}-3`]);
  });

  test('keep away from entries that have such a name already', () => {
    mkdirSync(run, { recursive: true });
    writeFileSync(`${run}-2`, 'mine');
    expect(RunFolder.createNew(run, plainJob(), process.pid).path).toBe(`${run}-3`);
    expect(readdirSync(run)).toEqual([]);
  });
});

describe('what a kill left half-written in the folder of a run', () => {
  const halves = [
    'status.json',
    'job.json',
    'slots',
    '.distillery',
    'job/manifest.json',
    'job/student.password',
    'nats/.distillery',
    'nats/nats-server.json',
    'checkpoints/step-0000000016-attempt-1.ckpt',
    'model/model.json',
    'model/weights.bin',
    'model/metrics.json',
    'model/SHA256SUMS',
  ].map((target, at) => `${target}.${String(deadPid)}-${String(at + 1)}.partial`);
  const earlier = ['status.json.new', `run.lock.${String(deadPid)}`];
  const others = ['notes.txt.7-1.partial', 'model/notes.txt.7-1.partial', 'logs/notes.log.7-1.partial'];

  const leave = (names: readonly string[]): void => {
    for (const name of names) {
      mkdirSync(join(run, name, '..'), { recursive: true });
      writeFileSync(join(run, name), 'half');
    }
  };
  const left = (): string[] => [...halves, ...earlier, ...others].filter((name) => existsSync(join(run, name)));

  test.each<[string, () => RunFolder]>([
    ['resumed', () => RunFolder.resume(run, process.pid)],
    ['begun again', () => RunFolder.create(run, plainJob(), process.pid)],
  ])('is removed when it is %s, and nothing of others', (_, enter) => {
    RunFolder.create(run, plainJob(), process.pid).release();
    leave([...halves, ...earlier, ...others]);
    writeFileSync(join(run, 'nats', '.distillery'), '{"kind":"nats"}');
    enter();
    expect(left()).toEqual(others);
  });

  test('is removed when the run ends: a complete run is never resumed', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    leave([...halves, ...others]);
    folder.release();
    expect(left()).toEqual(others);
  });

  test('stays while another run has the folder, and while `distill slots` is writing', () => {
    const holder = anotherProcess();
    const folder = RunFolder.create(run, plainJob(), holder);
    leave(halves);
    expect(failureOf(() => RunFolder.resume(run, process.pid)).reason).toBe('badInput');
    expect(left()).toEqual(halves);
    const slots = join(run, `slots.${String(holder)}-1.partial`);
    writeFileSync(slots, '3');
    writeFileSync(join(run, `status.json.${String(holder)}-1.partial`), '{');
    folder.release();
    expect(readdirSync(run).filter((name) => name.endsWith('.partial'))).toEqual([`slots.${String(holder)}-1.partial`]);
  });

  test('does not keep a copy of the run without its mark from being resumed', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    leave(halves.filter((name) => !name.startsWith('.')));
    rmSync(join(run, '.distillery'));
    RunFolder.resume(run, process.pid);
    expect(left()).toEqual([]);
  });
});

describe('two runs', () => {
  test.each<[string, () => unknown]>([
    ['begin', () => RunFolder.create(run, plainJob(), process.pid)],
    ['resume', () => RunFolder.resume(run, process.pid)],
  ])('never work in one folder: the second cannot %s', (_what, enter) => {
    const holder = anotherProcess();
    RunFolder.create(run, plainJob(), holder);
    const { reason, message } = failureOf(enter);
    expect(reason).toBe('badInput');
    expect(message).toContain(`process ${String(holder)} is using this folder`);
    expect(message).toContain(`remove ${join(run, 'run.lock')}`);
    expect(readFileSync(join(run, 'run.lock'), 'utf8')).toBe(`${String(holder)}\n`);
  });

  test.each([
    ['that died', `${String(deadPid)}\n`],
    ['that died while it wrote', ''],
    ['of another kind', 'not a pid\n'],
  ])('do not wait for a lock %s', (_what, lock) => {
    RunFolder.create(run, plainJob(), process.pid).release();
    writeFileSync(join(run, 'run.lock'), lock);
    RunFolder.resume(run, process.pid);
    expect(readFileSync(join(run, 'run.lock'), 'utf8')).toBe(`${String(process.pid)}\n`);
    expect(readdirSync(run).sort()).toEqual(['.distillery', 'job.json', 'logs', 'run.lock']);
  });
});

describe('several processes that find the lock of a dead process at the same time', () => {
  test('wait for the one that removes it, and name it when it does not come to an end', () => {
    RunFolder.create(run, plainJob(), deadPid);
    const other = anotherProcess();
    const claim = join(run, `run.lock.${String(other)}`);
    writeFileSync(claim, '');
    const { reason, message } = failureOf(() => RunFolder.resume(run, process.pid));
    expect(reason).toBe('badInput');
    expect(message).toContain(`process ${String(other)} is using this folder`);
    expect(message).toContain(`remove ${claim}`);
    expect(readFileSync(join(run, 'run.lock'), 'utf8')).toBe(`${String(deadPid)}\n`);
    rmSync(claim);
    RunFolder.resume(run, process.pid);
    expect(readFileSync(join(run, 'run.lock'), 'utf8')).toBe(`${String(process.pid)}\n`);
  });

  test('do not share the run: one gets it', async () => {
    RunFolder.create(run, plainJob(), deadPid);
    const signal = join(home, 'go');
    const takers = Array.from({ length: 4 }, () => spawnTypeScript('../unit/cli/local/taker.ts', [run, signal]));
    try {
      const answers = takers.map(({ stdout }) => createInterface({ input: stdout! })[Symbol.asyncIterator]());
      const next = async (): Promise<unknown[]> =>
        Promise.all(answers.map(async (lines) => (await lines.next()).value));
      expect(await next()).toEqual(['ready', 'ready', 'ready', 'ready']);
      writeFileSync(signal, '');
      expect((await next()).sort()).toEqual(['refused', 'refused', 'refused', 'taken']);
    } finally {
      for (const taker of takers) taker.kill('SIGKILL');
    }
  });
});

describe('a run that is resumed', () => {
  test('keeps the attempts of its status, and nothing else', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    writeFileSync(join(run, 'status.json'), JSON.stringify({ attempts: 3, phase: 'Failed', failures: 7 }));
    expect(RunFolder.resume(run, process.pid).job).toEqual({ ...plainJob(), status: { attempts: 3 } });
  });

  test('continues with the same job', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    expect(RunFolder.resume(run, process.pid).job).toEqual(plainJob());
  });

  test('has a folder for logs also in a copy without one', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    rmSync(join(run, 'logs'), { recursive: true });
    expect(existsSync(RunFolder.resume(run, process.pid).file('logs'))).toBe(true);
  });

  test.each<[string, (file: string) => void, RegExp]>([
    ['has no job', () => undefined, /no readable job\.json/],
    [
      'has a job of half a file',
      (file) => writeFileSync(file, JSON.stringify(plainJob()).slice(0, 80)),
      /a job\.json that no run wrote/,
    ],
    ['has a job that is no job', (file) => writeFileSync(file, '{}'), /a job\.json that no run wrote/],
    [
      'has a job without a uid',
      (file) => {
        const { metadata, ...rest } = plainJob();
        delete metadata.uid;
        writeFileSync(file, JSON.stringify({ ...rest, metadata }));
      },
      /a job\.json that no run wrote/,
    ],
  ])('and %s is refused with a remedy', (_what, damage, found) => {
    mkdirSync(run, { recursive: true });
    damage(join(run, 'job.json'));
    const { reason, message } = failureOf(() => RunFolder.resume(run, process.pid));
    expect(reason).toBe('badInput');
    expect(message).toMatch(found);
    expect(message).toContain('Name the one that the run printed when it stopped.');
    expect(existsSync(join(run, 'run.lock'))).toBe(false);
  });

  test('that is complete is refused: it would start again', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    writeFileSync(folder.file('status.json'), JSON.stringify({ phase: 'Succeeded' }));
    folder.release();
    // Its model was not fetched yet: that is worth another run.
    RunFolder.resume(run, process.pid).release();
    mkdirSync(folder.file('model'));
    writeFileSync(folder.file('model', 'notes'), 'mine');
    RunFolder.resume(run, process.pid).release();
    writeFileSync(folder.file('model', 'model.json'), '{}');
    const { reason, message } = failureOf(() => RunFolder.resume(run, process.pid));
    expect([reason, message]).toEqual([
      'badInput',
      `--resume ${run}: the run is complete, and its model is in ${join(run, 'model')}`,
    ]);
  });
});

describe('a folder that cannot be written', () => {
  test.each<[string, () => void, string]>([
    ['is a file', () => writeFileSync(run, 'mine'), `${join('HOME', 'runs/mnist')} is not a folder`],
    ['is below a file', () => rmSync(join(run, '..'), { recursive: true }), `${join('HOME', 'runs')} is not a folder`],
    [
      'is a link to nothing',
      () => symlinkSync('/nowhere', run),
      'runs/mnist is a link to /nowhere, which does not exist',
    ],
    [
      'is a link to a file',
      () => symlinkSync('/etc/hostname', run),
      'runs/mnist is a link to something that is not a folder',
    ],
    ['is a link to itself', () => symlinkSync(run, run), `runs/mnist is a link to`],
  ])('because its name %s is bad input', (_what, put, is) => {
    mkdirSync(join(run, '..'));
    put();
    if (!existsSync(join(run, '..'))) writeFileSync(join(run, '..'), 'mine');
    const { reason, message } = failureOf(() => RunFolder.create(run, plainJob(), process.pid));
    expect(reason).toBe('badInput');
    expect(message).toContain(`--dir ${run}: ${home}`);
    expect(message).toContain(is.replace('HOME', home));
    expect(message).toMatch(/\. Name another folder\.$/);
  });

  test('because runs/ is a file is bad input for a run without --dir, too', () => {
    writeFileSync(join(home, 'runs'), 'mine');
    const { reason, message } = failureOf(() => RunFolder.createNew(run, plainJob(), process.pid));
    expect([reason, message]).toEqual([
      'badInput',
      `run folder ${run}: ${join(home, 'runs')} is not a folder. Name another folder.`,
    ]);
  });

  test('because its name is too long is bad input', () => {
    const { reason } = failureOf(() => RunFolder.create(join(home, 'a'.repeat(300)), plainJob(), process.pid));
    expect(reason).toBe('badInput');
  });

  test('for the kernel is reported, and no lock stays', () => {
    const { reason, message } = failureOf(() => RunFolder.create('/proc/distill', plainJob(), process.pid));
    expect(reason).toBe('storage');
    expect(message).toContain('run folder /proc/distill');
  });
});
