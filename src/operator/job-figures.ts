/** The figures of one job that become metrics, from a decision. Pure. */
import { type DistillJobStatus, quantityValue } from '../api/index.js';
import type { PresentStreams, Snapshot } from '../domain/index.js';
import type { JobFigures, WorkerFigures } from '../telemetry/index.js';

/** @param status what the decision wrote */
export function jobFigures({ job, streams }: Pick<Snapshot, 'job' | 'streams'>, status: DistillJobStatus): JobFigures {
  const { logits, student } = job.spec;
  return {
    status,
    logitsLimitBytes: quantityValue(logits.maxBytes),
    checkpointEverySteps: student.checkpoint.everySteps,
    workers: streams.state === 'Present' ? workerFigures(streams) : null,
  };
}

function workerFigures({ logits, work, student, teachers }: PresentStreams): WorkerFigures {
  return {
    logitsBytes: logits.bytes,
    pendingItems: work.pending,
    itemsInFlight: work.ackPending,
    student:
      student === null
        ? null
        : {
            samplesTrained: student.step * student.batchSize,
            samplesPerSecond: student.samplesPerSecond,
            unstarvedSamplesPerSecond: student.unstarvedSamplesPerSecond,
            checkpointStep: student.checkpointStep ?? null,
            updatedAtMs: student.updatedAtMs,
          },
    teachers,
  };
}
