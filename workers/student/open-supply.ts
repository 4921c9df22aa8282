/** Opens the supply of logits that a job asks for, on the streams of the job. */
import type { Clock } from '@distillery/base';
import { firstRank, type JobNames, type Manifest, needsNoTeacher } from '@distillery/protocol';

import { type Log, WorkerError } from '../base/index.js';
import type { Dataset } from '../data/index.js';
import { feed, logitsReader, probe, readReference, type StreamLink, type StudentClaim } from '../stream/index.js';

import type { JobShape } from './frames.js';
import { heldOutItems } from './held-out.js';
import { LiveSupply } from './live-supply.js';
import { checkSameData } from './same-data.js';
import { checkSameTexts } from './same-texts.js';
import type { StepTraces } from './step-traces.js';
import type { StartingPoint } from './student.js';
import { labelsAlone, type LogitsSupply } from './supply.js';
import { widthFault } from './widths.js';
import { stepBytesOf, windowSteps } from './window.js';

/** @throws WorkerError terminal when the teacher's answers do not fit the student */
export async function openSupply(parts: {
  readonly manifest: Manifest;
  readonly link: StreamLink;
  readonly names: JobNames;
  readonly job: JobShape;
  readonly dataset: Dataset;
  readonly start: StartingPoint;
  readonly claim: StudentClaim;
  /** null = the student does not trace. */
  readonly traces: StepTraces | null;
  readonly clock: Clock;
  readonly log: Log;
}): Promise<LogitsSupply> {
  const { manifest, link, names, job, dataset, start, claim, traces, clock, log } = parts;
  const reference = await readReference(link, names);
  if (reference !== null && reference.columns !== job.columns) {
    throw new WorkerError('terminal', widthFault(reference.columns, job.columns, job.width));
  }
  if (needsNoTeacher(manifest)) return labelsAlone();
  const { bufferTargetSeconds, onFailure } = manifest.teacher;
  const { maxBytes } = manifest.logits;
  const { steps, positions } = job.schedule;
  // An attempt that has nothing left to evaluate asks for nothing.
  const isEvaluated = start.metrics?.evaluations.at(-1)?.step === steps;
  const samples = isEvaluated ? 0 : (dataset.test?.length ?? 0);
  return new LiveSupply({
    ...job,
    stream: {
      feed:
        traces === null
          ? (item) => feed(link, names, item)
          : (item) => traces.fed(item, (traceparent) => feed(link, names, item, traceparent)),
      probe: (shard, step) => probe(link, names, shard, step),
      frames: (signal) => logitsReader(link, names, firstRank, signal),
      onReconnect: (callback) => void link.onReconnect(callback),
    },
    firstStep: start.step,
    fedBefore: claim.previous?.fedSteps ?? 0,
    stepBytes: stepBytesOf({ manifest, columns: job.columns, shards: job.shards, positions: job.schedule.positions }),
    windowFor: (measures) => windowSteps({ ...measures, bufferTargetSeconds, maxBytes }),
    onFailure,
    hasLabels: dataset.train.spec.target !== null,
    teacherDigest: reference?.teacherDigest ?? null,
    heldOutItems: heldOutItems({ manifest, samples, steps, columns: job.columns, positions }),
    // The first frame comes after the reference: a teacher takes no item before it is compared.
    checkTeachers: async () => {
      const reference = await readReference(link, names);
      // Texts first: this names a sample.
      await checkSameTexts(dataset.train, reference);
      await checkSameData(reference, () => dataset.identity());
    },
    onKept: traces === null ? undefined : (frame) => traces.gathered(frame),
    clock,
    log,
  });
}
