/**
 * One job whose student takes a fixed time for a step, beside teachers of a fixed service time: the streams, the feeding
 * and the buffers are real, and the speed of the machine does not enter. Needs a core that is not busy: a late timer counts.
 */
import { once } from 'node:events';

import { until } from '../kit/until.js';

import { BenchJob, exampleBatchSize } from './job.js';
import type { StepReport } from './reports.js';
import { rateOf, type TimedRate } from './steps.js';

export interface TimedRun {
  /** 0 = as long as the model takes. */
  readonly stepMs: number;
  /** Uri of the student; absent = one whose computation ends within the step. */
  readonly model?: string;
  /** null = all frames are stored before the student starts. */
  readonly teachers: { readonly devices: number; readonly serviceMs: number } | null;
  /** Steps before the measurement, and measured steps. */
  readonly settling: number;
  readonly measured: number;
}

/** Its computation is not measured, and must end within the step. */
const smallModel = 'preset://mlp?hidden=8';

export const samplesPerStep = exampleBatchSize;

export async function timedRun({
  stepMs,
  model = smallModel,
  teachers,
  settling,
  measured,
}: TimedRun): Promise<TimedRate> {
  const job = await BenchJob.start('bench-timed', 1, model);
  try {
    if (teachers === null) await job.storeFrames(settling + measured + 1);
    else job.startTeachers('bench-teachers', teachers);
    const steps: StepReport[] = [];
    const student = job.startTimedStudent(stepMs);
    student.on('message', (message) => steps.push(message as StepReport));
    const ended = once(student, 'exit');
    await until(
      `${String(settling + measured)} steps`,
      () => {
        if (student.exitCode !== null) throw new Error(`the student ended with code ${String(student.exitCode)}`);
        return steps.length > settling + measured;
      },
      () => `${String(steps.length)} steps`,
    );
    student.kill('SIGKILL');
    await ended;
    return rateOf(steps, settling, measured);
  } finally {
    await job.close();
  }
}
