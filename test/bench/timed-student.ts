/**
 * The student process with steps of a fixed time, so that changes of the machine's speed do not change the number of
 * teachers that it needs. It computes as usual, then counts the rest of BENCH_STEP_MS as busy time, and reports each step.
 * Started by job.ts.
 */
import type { Clock } from '@distillery/base';

import {
  exportInThread,
  openTrainerThread,
  type TrainerThread,
  type TrainerThreadSource,
} from '../../workers/compute/index.js';
import { runWorker } from '../../workers/process/process.js';
import { runStudent } from '../../workers/student/run.js';

import { report } from './reports.js';

await runWorker('student', (context) =>
  runStudent(context, {
    openTrainer: (source) => openTimed(source, context.clock),
    exportOnnx: exportInThread,
    freeMemory: () => process.availableMemory(),
  }),
);

async function openTimed(source: TrainerThreadSource, clock: Clock): Promise<TrainerThread> {
  const stepMs = Number(process.env.BENCH_STEP_MS);
  const trainer = await openTrainerThread(source);
  let endMs = clock.now();
  return {
    ...trainer,
    train: async (batch) => {
      const { step } = batch;
      const calledMs = clock.now();
      const measured = await trainer.train(batch);
      // Calls resolve in order, so this is the end of the previous step.
      const startMs = Math.max(endMs, calledMs);
      const idleMs = startMs - endMs;
      endMs = Math.max(startMs + stepMs, clock.now());
      const atMs = endMs;
      await clock.sleep(Math.max(0, atMs - clock.now()));
      const times = { busyMs: atMs - startMs, idleMs };
      report({ step, atMs, ...times });
      return { ...measured, ...times };
    },
  };
}
