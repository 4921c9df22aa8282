/** The beginning of an attempt: it fences the ones before it, and finds the checkpoint that it continues from. */
import { statementOf } from '@distillery/base';
import {
  type JobNames,
  type Schedule,
  shardsOf,
  type TrainingMetrics,
  trainingMetricsSchema,
} from '@distillery/protocol';

import type { Notes } from '../base/index.js';
import {
  type Checkpoint,
  CheckpointError,
  type CheckpointKey,
  type CheckpointStore,
  decodeCheckpoint,
  loadNewest,
} from '../checkpoint/index.js';
import type { TrainerThread } from '../compute/index.js';
import type { WorkerContext } from '../process/index.js';
import { claimAttempt, type StreamLink, type StudentClaim } from '../stream/index.js';

import type { Stores } from './open-stores.js';
import { type AttemptFacts, startingState } from './reporting.js';
import { runtimeChange } from './runtime-change.js';
import { checkStart, startDigest } from './start.js';
import type { StartingPoint } from './student.js';

/**
 * The order matters: the claim fences older attempts. Then what they left half-written is swept, except what one of them
 * still reports as durable. Then the newest sound checkpoint is read, and it stays the newest.
 */
export async function claimAndLoad(parts: {
  readonly context: WorkerContext;
  readonly link: StreamLink;
  readonly names: JobNames;
  readonly stores: Stores;
  readonly trainer: TrainerThread;
  readonly schedule: Schedule;
  readonly notes: Notes;
}): Promise<{ readonly claim: StudentClaim; readonly facts: AttemptFacts; readonly from: StartingPoint }> {
  const { context, link, names, stores, trainer, schedule, notes } = parts;
  const { clock } = context;
  const { manifest, pod } = context.env;
  const known = {
    pod,
    runtime: trainer.runtime.description,
    shards: shardsOf(manifest, trainer.columns, schedule.positions),
    steps: schedule.steps,
    batchSize: manifest.training.batchSize,
    notes: notes.list,
  };
  const highest = Math.max(0, ...(await stores.checkpoints.list()).map(({ attempt }) => attempt));
  const claim = await claimAttempt(link, names, highest, (attempt, previous) => ({
    ...startingState({ ...known, attempt, resumedFromStep: null }, previous?.step ?? 0, clock.now()),
    loading: true,
  }));
  await stores.sweep(claim.attempt);
  const resumed = await newestSound(stores.checkpoints, manifest.job.uid, notes);
  const startedFrom = await startDigest(manifest, trainer);
  if (resumed !== null) {
    checkStart(manifest, resumed.metrics.startedFrom, startedFrom);
    await trainer.restore(resumed.checkpoint.state);
    const change = runtimeChange(resumed.metrics, trainer.runtime.description, resumed.checkpoint.step);
    if (change !== null) notes.add(change);
  }
  const step = resumed?.checkpoint.step ?? 0;
  const facts = { ...known, attempt: claim.attempt, resumedFromStep: step === 0 ? null : step };
  await claim.update(startingState(facts, step, clock.now()));
  const metrics = resumed?.metrics ?? null;
  return { claim, facts, from: { step, metrics, loaded: resumed?.entry ?? null, startedFrom } };
}

interface Resumed {
  readonly entry: CheckpointKey;
  readonly checkpoint: Checkpoint;
  readonly metrics: TrainingMetrics;
}

/** The newest checkpoint that is whole and whose metrics can be read. @throws CheckpointError, StoreError */
export function loadSound(
  checkpoints: CheckpointStore,
  jobUid: string,
): ReturnType<typeof loadNewest<Omit<Resumed, 'entry'>>> {
  return loadNewest(checkpoints, (bytes) => {
    const checkpoint = decodeCheckpoint(bytes, jobUid);
    const metrics = trainingMetricsSchema.safeParse(checkpoint.metrics);
    if (metrics.success) return { checkpoint, metrics: metrics.data };
    const field = metrics.error.issues[0]?.path.join('.') ?? '';
    throw new CheckpointError('malformed', {
      found: `metrics whose ${field} is wrong`,
      expected: 'those of this release',
      remedy: '',
    });
  });
}

/** Returns null when no checkpoint is sound. */
async function newestSound(checkpoints: CheckpointStore, jobUid: string, notes: Notes): Promise<Resumed | null> {
  const { newest, skipped } = await loadSound(checkpoints, jobUid);
  for (const { entry, error } of skipped) {
    notes.add(
      `checkpoint of step ${entry.step} is passed over: ${statementOf(error.fault)}; falling back to the one before`,
    );
  }
  if (newest === null && skipped.length > 0) notes.add('no checkpoint is sound; training starts over from step 0');
  return newest === null ? null : { entry: newest.entry, ...newest.checkpoint };
}
