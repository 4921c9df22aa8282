/** Jobs at every stage of their life, with what kstatus must say of each; unit tests and the real kstatus use them. */
import { omit } from '@distillery/base';

import type { DistillJobStatus, ObjectMeta } from '../../src/api/index.js';
import { labeling, newJob, noonMs, runningJob, type SnapshotMaker, training } from './snapshots.js';

export interface JobStage {
  readonly name: string;
  readonly snapshot: SnapshotMaker;
  readonly kstatus: 'InProgress' | 'Failed' | 'Current' | 'Terminating';
  /** Reason and message of the condition that says so; empty for Current. */
  readonly says: string;
}

const starting = newJob().streams().student({ phase: 'Running' });
const silent = training({ updatedAtMs: noonMs - 61_000 });
const notBuilt = newJob().job((job) => job.change(({ spec }) => (spec.dataset.delivery = 'Inline')));
const broke = { phase: 'Failed', failures: 7, lastError: { exitCode: 1, message: 'no memory' } } as const;

export const standardJobs: readonly JobStage[] = [
  stage('that is new', newJob(), 'InProgress', 'Waiting: Waiting for the streams.'),
  stage(
    'that waits for its first slot',
    newJob().streams().pool('cpu', { freeSlots: 0 }),
    'InProgress',
    'NoFreeSlots: No slot is free that a teacher may use; waiting for one (0 of 4: 0 free slots).',
  ),
  stage('that loads its model', starting, 'InProgress', 'StudentStarting: The student loads its model and checkpoint.'),
  stage(
    'whose student cannot start',
    starting.student({ phase: 'BackingOff', lastError: { exitCode: null, message: 'ErrImagePull: no such image' } }),
    'InProgress',
    'CannotStart: The student cannot start: ErrImagePull: no such image',
  ),
  stage(
    'whose student starts again after an error',
    runningJob().student({ phase: 'BackingOff', failures: 2, lastError: { exitCode: 1, message: 'no memory' } }),
    'InProgress',
    'BackingOff: The student failed (2 of at most 6) and is started again: no memory',
  ),
  stage('that trains', runningJob(), 'Current'),
  stage('that trains and waits for logits', runningJob().reported(training({ waitFraction: 0.9 })), 'Current'),
  stage(
    'that makes its first step',
    runningJob().reported(training({ step: 0 })),
    'InProgress',
    'Starting: No step was trained yet; the parts are starting.',
  ),
  stage(
    'whose student is silent',
    runningJob().reported(training({ updatedAtMs: noonMs - 5_001 })),
    'InProgress',
    'TelemetryGap: No telemetry from the student for more than 5 s.',
  ),
  stage(
    'that has lost NATS',
    runningJob().streamsUnreachable('timeout'),
    'InProgress',
    'BrokerUnreachable: NATS cannot be reached: timeout',
  ),
  stage(
    'that trains no more although it has teachers',
    runningJob().reported(silent),
    'Failed',
    'Stalled: No step was trained for 60 seconds.',
  ),
  stage(
    'that is suspended',
    runningJob().job((job) => job.suspended()),
    'Current',
  ),
  stage(
    'that asks for what this version cannot do',
    notBuilt,
    'Failed',
    'NotSupported: spec.dataset.delivery: "Inline" is not supported yet. Use Reference.',
  ),
  stage(
    'whose student failed for good',
    runningJob().student(broke),
    'Failed',
    'BackoffLimitExceeded: The student failed 7 times, more than backoffLimit allows; the last error: no memory',
  ),
  stage(
    'that is complete',
    runningJob()
      .student({ phase: 'Succeeded' })
      .reported(training({ phase: 'Done', step: 200, result: { digest: 'sha256:ab', accuracy: 0.99, loss: 0.03 } })),
    'Current',
  ),
  stage(
    'that is being deleted',
    runningJob()
      .in('cluster')
      .job((job) => job.marked().deleted()),
    'Terminating',
    'Deleting: The job is being deleted; its pods are still ending.',
  ),
  stage(
    'that failed and is being deleted',
    runningJob()
      .in('cluster')
      .job((job) => job.marked())
      .student(broke)
      .status(runningJob().student(broke).plan.status)
      .job((job) => job.deleted()),
    'Terminating',
    'Deleting: The job is being deleted; its pods are still ending.',
  ),
  stage(
    'whose teachers all load while it trains',
    runningJob().teachers(labeling('cpu-0', { phase: 'Loading' }), labeling('cpu-1', { phase: 'Loading' })),
    'Current',
  ),
];

/**
 * The job at a stage as a client of the API server sees it: what a person wrote, and the status. Besides the stages above:
 * `that no operator has seen`, `that was changed just now`.
 * @throws RangeError for an unknown stage
 */
export function jobAtStage(name: string): SeenJob {
  if (name === 'that no operator has seen') return seen(newJob(), { observedGeneration: -1 });
  if (name === 'that was changed just now') {
    const running = jobAtStage('that trains');
    return { ...running, metadata: { ...running.metadata, generation: 2 } };
  }
  const found = standardJobs.find((one) => one.name === name);
  if (found === undefined) throw new RangeError(`no stage "${name}" of a job. Name one of those above.`);
  return seen(found.snapshot, found.snapshot.plan.status);
}

export interface SeenJob {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly spec: object;
  readonly status: DistillJobStatus;
}

function seen(snapshot: SnapshotMaker, status: DistillJobStatus): SeenJob {
  const { apiVersion, kind, metadata, spec } = snapshot.snapshot.job;
  const { dataset, training: plan, teacher, student, suspend } = spec;
  return {
    apiVersion,
    kind,
    metadata,
    spec: {
      suspend,
      dataset: { uri: dataset.uri, delivery: dataset.delivery },
      training: { batchSize: plan.batchSize, epochs: plan.epochs, seed: plan.seed },
      teacher: { model: { uri: teacher.model.uri }, pools: teacher.pools.map((pool) => omit(pool, 'template')) },
      student: { model: { uri: student.model.uri } },
    },
    status,
  };
}

function stage(name: string, snapshot: SnapshotMaker, kstatus: JobStage['kstatus'], says = ''): JobStage {
  return { name, snapshot, kstatus, says };
}
