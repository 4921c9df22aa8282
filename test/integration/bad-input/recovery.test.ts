/**
 * Runs that a person stops or kills, whose pipe closes, or whose checkpoints are damaged. Each ends with the documented code
 * and leaves nothing running. The resumed run ends with exactly the weights of an undisturbed run.
 */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { distillExit, DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

import { changedCopy, endingInShell, endingOf, hasModel, nothingLeft, processesOf, studentLog } from './ending.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-recovery-'));
const everySteps = 16;
let job = '';
let undisturbed = '';

beforeAll(async () => {
  job = writeSmallJob(folder, smallMnist(join(folder, 'data'), { train: 4_096, test: 64 }), (spec) => {
    Object.assign(spec.training, { epochs: 2 });
    spec.student.checkpoint = { everySteps, keep: 2, store: 'file' };
  });
  const place = join(folder, 'undisturbed');
  const run = new DistillProcess(['run', job, '--json', '--dir', place]);
  expect(await endingOf(run, place)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
  undisturbed = run.result?.digest ?? '';
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a run and sends it a signal once it has trained some steps. @returns how it ended */
async function disturbed(place: string, signal: NodeJS.Signals, atStep: number): Promise<number> {
  const run = new DistillProcess(['run', job, '--json', '--dir', place]);
  await run.until(`step ${String(atStep)} is trained`, () => (run.progress?.step ?? 0) >= atStep);
  // The command, its student, the server and its keeper at least: what is searched for below can be found.
  expect(processesOf(place).length).toBeGreaterThanOrEqual(4);
  run.child.kill(signal);
  const ending = await endingOf(run, place);
  // SIGKILL may hit the middle of a write. What it leaves is removed when the run is resumed.
  expect(ending).toMatchObject(signal === 'SIGKILL' ? { survivors: [] } : nothingLeft);
  expect(hasModel(place)).toBe(false);
  return ending.exitCode;
}

/** Resumes to the end and expects the undisturbed run's weights. */
async function resumesAlike(place: string): Promise<DistillProcess> {
  const run = new DistillProcess(['run', '--resume', place, '--json']);
  // The message is compared so that a failure shows what the command said.
  expect(await endingOf(run, place)).toMatchObject({ exitCode: distillExit.ok, message: '', ...nothingLeft });
  expect(run.result?.digest).toBe(undisturbed);
  expect(hasModel(place)).toBe(true);
  return run;
}

/** Flips one byte in the middle of each checkpoint named. */
function damage(place: string, choose: (newestFirst: string[]) => string[]): number {
  const checkpoints = join(place, 'checkpoints');
  const chosen = choose(readdirSync(checkpoints).sort().reverse());
  for (const name of chosen) {
    changedCopy(join(checkpoints, name), join(checkpoints, name), (bytes) => {
      const middle = bytes.length >> 1;
      bytes.writeUInt8(bytes.readUInt8(middle) ^ 1, middle);
      return bytes;
    });
  }
  return chosen.length;
}

const passedOver =
  /checkpoint of step \d+ is passed over: checkpoint: found content that its digest does not match, expected what was written; falling back to the one before/g;

describe('a run that is disturbed', () => {
  it('by Ctrl-C ends with 130; with its newest checkpoint damaged it falls back to the one before', async () => {
    const place = join(folder, 'interrupted');
    expect(await disturbed(place, 'SIGINT', 2 * everySteps)).toBe(distillExit.interrupted);
    expect(damage(place, (names) => names.slice(0, 1))).toBe(1);
    const resumed = await resumesAlike(place);
    expect(studentLog(place).match(passedOver)).toHaveLength(1);
    expect(resumed.events.map(({ message }) => message).join('\n')).toMatch(
      /Student process \d+ started at step [1-9]/,
    );
  });

  it('by SIGTERM ends with 143; with all checkpoints damaged it starts over and says so', async () => {
    const place = join(folder, 'terminated');
    expect(await disturbed(place, 'SIGTERM', 2 * everySteps)).toBe(distillExit.terminated);
    const damaged = damage(place, (names) => names);
    expect(damaged).toBeGreaterThanOrEqual(2);
    await resumesAlike(place);
    const log = studentLog(place);
    expect(log.match(passedOver)).toHaveLength(damaged);
    expect(log).toContain('no checkpoint is sound; training starts over from step 0');
  });

  it('by SIGKILL ends with its workers and its server, and continues from its checkpoint', async () => {
    const place = join(folder, 'killed');
    // There is no exit code. The helper checks that the children ended.
    expect(await disturbed(place, 'SIGKILL', everySteps + 1)).toBe(-1);
    // The kill hits the middle of a write only by chance: this is what it then leaves, of the command and of the student.
    for (const name of ['status.json', 'checkpoints/step-0000000032-attempt-1.ckpt']) {
      writeFileSync(join(place, `${name}.4194304-1.partial`), 'half');
    }
    const resumed = await resumesAlike(place);
    expect(resumed.events.map(({ message }) => message).join('\n')).toMatch(/started at step [1-9]/);
  });

  it('by a reader that closes the pipe ends with 141', async () => {
    const place = join(folder, 'piped');
    const ending = await endingInShell(
      '"$@" | head -n 1 >&2; exit "${PIPESTATUS[0]}"',
      ['run', job, '--json', '--dir', place],
      place,
    );
    expect(ending).toMatchObject({ exitCode: distillExit.outputClosed, ...nothingLeft });
    expect(ending.message.split('\n')).toHaveLength(1);
    await resumesAlike(place);
  });
});
