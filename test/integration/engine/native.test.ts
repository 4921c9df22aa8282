/**
 * The runtime `native` through the whole engine: the same weights in each run, under kills, and over a stop and a resume;
 * and each process ends with its own exit code, which TensorFlow does not change.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { fixedLibraries, type ResultReport, workerExitCodes } from '@distillery/protocol';

import { distillExit, DistillProcess, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { builtNative } from '../../kit/native.js';

const root = join(import.meta.dirname, '../../..');
const built = builtNative();
const folder = mkdtempSync(join(tmpdir(), 'distill-native-'));
// Dropout and normalization: all that has state or randomness.
const preset = 'resnet-tiny?blocks=1,1&width=4&stride=2&dropout=0.1';

(built === null ? describe.skip : describe)('a student on TensorFlow', () => {
  let data = '';
  let undisturbed = '';
  const environment = { DISTILL_NATIVE_FOLDER: built ?? 'none' };

  function jobOf(runtime: object | undefined, change: (spec: SmallSpec) => void = () => undefined): string {
    return writeSmallJob(folder, data, (spec) => {
      spec.student.model = { uri: `preset://${preset}` };
      if (runtime !== undefined) spec.student.runtime = runtime;
      change(spec);
    });
  }
  const start = (name: string, runtime: object | undefined, ...more: string[]): DistillProcess =>
    new DistillProcess(['run', jobOf(runtime), '--json', '--dir', join(folder, name), ...more], environment);
  const digestOf = async (run: DistillProcess): Promise<string | undefined> => {
    expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    expect(await run.survivors()).toEqual([]);
    return run.result?.digest;
  };
  const reportOf = (name: string): ResultReport =>
    JSON.parse(readFileSync(join(folder, name, 'model', 'metrics.json'), 'utf8')) as ResultReport;

  beforeAll(async () => {
    data = smallMnist(join(folder, 'data'), { train: 2_048, test: 256 });
    undisturbed = (await digestOf(start('undisturbed', { name: 'native' }))) ?? '';
  });

  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('is chosen where it is there, and says what decides its bits', () => {
    const { runtime, computedBy } = reportOf('undisturbed');
    expect(runtime).toMatch(/^native \(TensorFlow [\d.]+, AVX\w*, 1 thread\)$/);
    expect(computedBy).toEqual([{ step: 0, runtime }]);
  });

  it('ends with the same weights when its process is killed', async () => {
    // Without a name it takes the first runtime of the machine.
    const run = start('killed', undefined);
    await run.until('steps beyond a checkpoint are trained', () => (run.progress?.step ?? 0) > 25);
    const student = run.progress?.pids.student;
    expect(student).not.toBeNull();
    process.kill(student ?? 0, 'SIGKILL');
    await run.until('another student continues', () => {
      const next = run.progress?.pids.student ?? null;
      return next !== null && next !== student;
    });
    expect(await digestOf(run)).toBe(undisturbed);
    expect(reportOf('killed').computedBy).toHaveLength(1);
  });

  it('that is resumed on another runtime says so, and the report names both', async () => {
    const run = start('changed', undefined);
    await run.until('steps beyond a checkpoint are trained', () => (run.progress?.step ?? 0) > 25);
    run.child.kill('SIGINT');
    await run.ended();
    const resumed = new DistillProcess(
      ['run', '--resume', join(folder, 'changed'), '--json', '--runtime', 'wasm'],
      environment,
    );
    expect(await digestOf(resumed)).not.toBe(undisturbed);
    const { computedBy = [] } = reportOf('changed');
    expect(computedBy.map(({ runtime }) => runtime.split(' ')[0])).toEqual(['native', 'wasm']);
  });

  it('that is resumed keeps the instruction set that it was trained with', async () => {
    const run = start('older', { name: 'native', instructionSet: 'AVX' });
    await run.until('steps beyond a checkpoint are trained', () => (run.progress?.step ?? 0) > 25);
    run.child.kill('SIGINT');
    await run.ended();
    // Without a set in the job the newest of the processor would follow.
    const file = join(folder, 'older', 'job.json');
    const text = readFileSync(file, 'utf8');
    expect(text).toContain('"AVX"');
    writeFileSync(file, text.replace(/,\s*"instructionSet":\s*"AVX"/, ''));
    await digestOf(new DistillProcess(['run', '--resume', join(folder, 'older'), '--json'], environment));
    expect(reportOf('older').computedBy).toEqual([{ step: 0, runtime: expect.stringContaining(', AVX, ') }]);
  });

  it('that names a runtime which is not there fails the job, and says what to do', async () => {
    const job = jobOf({ name: 'native' });
    const run = new DistillProcess(['run', job, '--json', '--dir', join(folder, 'missing')], {
      DISTILL_NATIVE_FOLDER: 'none',
    });
    expect(await run.ended()).not.toBe(0);
    expect(run.result?.message ?? run.stderr).toContain('npm run native');
  });

  it('is stopped at no cost: its exit code and that of a tfjs teacher are those of a stop', async () => {
    const teacher = { format: 'tfjs-layers', uri: `file://${join(folder, 'undisturbed/model/model.json')}` };
    const job = jobOf({ name: 'native' }, (spec) => {
      spec.teacher.model = teacher;
      // A student whose end is an error fails the job.
      spec.backoffLimit = 0;
    });
    const run = new DistillProcess(['run', job, '--json', '--dir', join(folder, 'stopped')], environment);
    await run.until('steps beyond a checkpoint are trained', () => (run.progress?.step ?? 0) > 25);
    const { student = null, teachers = [] } = run.progress?.pids ?? {};
    const pids = [student, ...teachers].filter((pid) => pid !== null);
    expect(pids.length).toBeGreaterThanOrEqual(2);
    for (const pid of pids) process.kill(pid, 'SIGTERM');
    await digestOf(run);
    expect(run.events.filter(({ reason }) => reason === 'TeacherFailed')).toEqual([]);
  });

  it('with a teacher of another format than its file fails the job at once', async () => {
    const model = join(folder, 'graph.json');
    writeFileSync(model, JSON.stringify({ format: 'graph-model', modelTopology: { node: [] }, weightsManifest: [] }));
    const job = jobOf({ name: 'native' }, (spec) => {
      spec.teacher.model = { format: 'tfjs-layers', uri: `file://${model}` };
    });
    const run = new DistillProcess(['run', job, '--json', '--dir', join(folder, 'refused')], environment);
    expect(await run.ended()).toBe(distillExit.badInput);
    expect(run.result?.message).toContain('found a tfjs graph model, expected a tfjs layers model');
    expect(await run.survivors()).toEqual([]);
  });

  const { done, terminal, stopped } = workerExitCodes;
  it.each(
    [
      { role: 'student', model: () => join(root, 'examples/mnist/models/student.json') },
      { role: 'teacher', model: () => join(folder, 'undisturbed/model/model.json') },
    ].flatMap(({ role, model }) => [
      { role, model, moment: 'idle', code: terminal },
      { role, model, moment: 'busy', code: stopped },
      { role, model, moment: 'closed', code: done },
      { role, model, moment: 'closed', code: terminal },
    ]),
  )('lets the process of a $role that is $moment end with its code $code', async ({ role, model, moment, code }) => {
    const script = join(root, 'test/unit/compute/fixtures/native-ending.js');
    const child = spawn(process.execPath, [script, built ?? '', model(), role, moment, String(code)], {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, ...fixedLibraries },
    });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const [exitCode, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    // With what the process wrote, so that a failure of this test shows it.
    expect({ exitCode, signal, stderr }).toEqual({ exitCode: code, signal: null, stderr });
  });
});
