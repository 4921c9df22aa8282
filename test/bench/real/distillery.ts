/** Ours: the operator as a process, DistillJobs, and workers that tell and ask through the job's real streams. */
import { type Job, type TraceJob, usualDistillery } from '../../../src/simulate/index.js';
import { someJob } from '../../kit/cluster/jobs.js';
import { startOperator } from '../../kit/cluster/operator.js';
import { publishStates } from '../../kit/cluster/telemetry-publisher.js';
import type { OperatorCluster } from '../../kit/cluster/operator-cluster.js';

import type { Moment, RunningTeacher, Scaler, Setting } from './scaler.js';
import { delaysOf, resource } from './teachers.js';
import { fedSteps, WorkFeed } from './work-feed.js';

/** The pool that `publishStates` tells of. */
const pool = 'gpu';

interface Followed {
  /** Of the DistillJob. */
  readonly uid: string;
  readonly feed: WorkFeed;
  /** The operator has made the streams. */
  hasStreams: boolean;
}

export async function distilleryScaler({ world, trace, connection }: Setting): Promise<Scaler> {
  const slots = trace.nodes.reduce((sum, node) => sum + node.slots, 0);
  await startOperator(world.cluster, {
    nats: world.nats,
    environment: { DISTILLERY_RESERVE: `${resource}=${String(Math.floor(usualDistillery.reserveShare * slots))}` },
  });
  const followed = new Map<string, Followed>();
  const delays = delaysOf(trace);
  const tell = async (job: Job, teachers: readonly RunningTeacher[]): Promise<void> => {
    const found = followed.get(job.spec.uid);
    if (found === undefined || job.phase !== 'Training') return;
    found.hasStreams ||= await hasStreams(world, found.uid);
    if (!found.hasStreams) return;
    await found.feed.follow(job);
    publishStates(connection, found.uid, studentOf(job), Object.fromEntries(teachersOf(job, teachers)));
  };
  return {
    submitted: async (job) => {
      await world.cluster.apply(distillJob(job, delays, trace.timings.graceSeconds));
      const uid = await world.uidOf(job.uid);
      followed.set(job.uid, { uid, feed: new WorkFeed(connection, uid), hasStreams: false });
    },
    work: async ({ jobs, teachers }: Moment) => {
      await Promise.all(jobs.map((job) => tell(job, teachers.get(job.spec.uid) ?? [])));
    },
    done: async ({ uid, steps }, student) => {
      const found = followed.get(uid);
      followed.delete(uid);
      if (found !== undefined)
        publishStates(connection, found.uid, { phase: 'Done', step: steps, steps, fedSteps: steps }, {});
      if (student !== null) await world.cluster.endPod('default', student, { exitCode: 0 });
    },
  };
}

function distillJob(job: TraceJob, annotations: Readonly<Record<string, string>>, graceSeconds: number): object {
  const template = { metadata: { annotations }, spec: { terminationGracePeriodSeconds: graceSeconds } };
  const { weight, batchSize, bufferTargetSeconds, minReplicas, maxReplicas } = job;
  return someJob({
    name: job.uid,
    spec: {
      weight,
      training: { batchSize },
      teacher: {
        model: { uri: 'package://models/teacher.onnx' },
        bufferTargetSeconds,
        pools: [{ name: pool, resource, minReplicas, maxReplicas, template }],
      },
    },
  });
}

async function hasStreams(world: OperatorCluster, uid: string): Promise<boolean> {
  return (await world.streams(uid)).state === 'Present';
}

function studentOf(job: Job): Parameters<typeof publishStates>[2] {
  const { spec, labeledSteps, trainedSteps } = job;
  const samplesPerSecond = spec.studentStepsPerSecond * spec.batchSize;
  return {
    phase: 'Training',
    step: Math.floor(trainedSteps),
    steps: spec.steps,
    batchSize: spec.batchSize,
    samplesPerSecond,
    unstarvedSamplesPerSecond: samplesPerSecond,
    buffer: { frames: Math.max(0, Math.floor(labeledSteps - trainedSteps)), bytes: 0 },
    window: spec.windowSteps,
    fedSteps: fedSteps(job),
  };
}

function teachersOf(
  { spec }: Job,
  teachers: readonly RunningTeacher[],
): [string, Parameters<typeof publishStates>[3][string]][] {
  const rate = spec.teacherStepsPerSecond * spec.batchSize;
  return teachers
    .filter(({ isReady }) => isReady)
    .map(({ name }) => [name, { pool, samplesPerSecond: rate, capableSamplesPerSecond: rate }]);
}
