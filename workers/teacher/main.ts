/** The teacher process: a composition root. It connects, loads the model, tests it, and labels until it is asked to stop. */
import { jobNames, protocolVersion, teacherDrainMs, type TeacherState, workerExitCodes } from '@distillery/protocol';

import { asSelfTestError, type InferenceThread, openInferenceThread, pathsOf } from '../compute/index.js';
import { type Dataset, openDataset, ReplacedRows } from '../data/index.js';
import { compareWithReference, selfTestAnswers } from '../models/inference/index.js';
import { Meter, Notes, WorkerError } from '../base/index.js';
import { runWorker, unlessStopped, type WorkerContext } from '../process/index.js';
import {
  connectWorker,
  createReference,
  publishDeadLetter,
  publishFrame,
  publishTeacherState,
  type StreamLink,
  workQueue,
} from '../stream/index.js';

import { inferenceSource } from './source.js';
import { Teacher } from './teacher.js';

const connectWaitMs = 60_000;
const telemetryMs = 500;
/** The end of the drain time: the items that are given back must reach the server, and the process must end. */
const flushMs = 250;
const endMs = 250;

interface Prepared {
  readonly dataset: Dataset;
  readonly inference: InferenceThread;
  readonly link: StreamLink;
  readonly teacher: Teacher;
  readonly report: (phase: TeacherState['phase']) => Promise<void>;
}

await runWorker('teacher', async (context) => {
  const { log, clock, stop } = context;
  const { dataset, inference, link, teacher, report } = await unlessStopped(stop, () => prepare(context));

  const over = new AbortController();
  const reportRegularly = async (): Promise<void> => {
    while (!over.signal.aborted) {
      const phase = stop.aborted ? 'Draining' : 'Ready';
      await report(phase).catch((error: unknown) => log.warn(`telemetry was not pushed: ${String(error)}`));
      await clock.sleep(telemetryMs, over.signal);
    }
  };
  const endInTime = async (): Promise<void> => {
    await clock.sleep(teacherDrainMs - flushMs - endMs, over.signal);
    if (over.signal.aborted) return;
    teacher.giveBackHeld();
    // Without a server the ack wait of the items has the same effect.
    await Promise.race([link.connection.flush().catch(() => undefined), clock.sleep(flushMs)]);
    log.info('asked to stop; the items in work are given back');
    process.exit(workerExitCodes.stopped);
  };
  const drain = (): void => void endInTime();
  if (stop.aborted) drain();
  else stop.addEventListener('abort', drain, { once: true });

  void reportRegularly();
  // A teacher without its model must end. While it drains, its items fail instead, which gives them back.
  const died = inference.ended.then((error) =>
    stop.aborted ? new Promise<never>(() => undefined) : Promise.reject(error),
  );
  await Promise.race([teacher.run(stop), died]);
  over.abort();
  await link.close();
  await dataset.close();
  throw new WorkerError('stopped', {
    about: '',
    problem: 'asked to stop; every item is answered or given back',
    remedy: '',
  });
});

/** Does everything up to the first item. A teacher whose answers differ from those of the job's first one takes none. */
async function prepare({ env, log, clock, places, tracer }: WorkerContext): Promise<Prepared> {
  const { manifest, pod, pool } = env;
  const names = jobNames(manifest.job.uid);
  const notes = new Notes(log);
  const warn = (message: string): void => log.warn(message);
  // The student replaces the same rows and tells people.
  const replaced = new ReplacedRows({ note: warn, warn });
  const dataset = await openDataset(manifest.dataset, {
    placeOf: (uri) => places.data(uri),
    replaced: (row) => replaced.add(row),
  });
  const split = dataset.train;
  const source = await inferenceSource(manifest, env, dataset, places);
  const [inference, link] = await Promise.all([
    openInferenceThread(source),
    connectWorker({
      ...env.nats,
      inboxPrefix: names.inboxPrefix('teacher'),
      name: pod,
      waitMs: connectWaitMs,
      clock,
      log,
    }),
  ]);
  for (const note of inference.notes) notes.add(note);
  log.info({ model: inference.description, digest: inference.digestHex }, 'model loaded');

  const meter = new Meter();
  const teacher = new Teacher({
    name: pod,
    manifest,
    split,
    heldOut: dataset.test,
    inference,
    meter,
    tracer,
    clock,
    log,
    stream: {
      deliveries: (signal) => workQueue(link, names, signal),
      publish: (shard, step, frame, traceparent) => publishFrame(link, names, { shard, step }, frame, traceparent),
      publishDeadLetter: (item) => publishDeadLetter(link, names, item),
    },
  });
  let isLeftOut = false;
  const report = async (phase: TeacherState['phase']): Promise<void> => {
    const outcome = await publishTeacherState(link, names, {
      pod,
      pool,
      phase,
      runtime: inference.description,
      protocolVersion,
      ...meter.rates(clock.now()),
      ...teacher.counts,
      ...(replaced.record.count === 0 ? {} : { replacedRows: replaced.record.count }),
      accuracy: null,
      notes: notes.list,
      updatedAtMs: clock.now(),
    });
    if (outcome === 'full' && !isLeftOut) log.warn("the job's state bucket has no room; telemetry is left out");
    isLeftOut = outcome === 'full';
  };

  await report('SelfTest');
  const { tolerance } = manifest.teacher;
  // The first batches of the model: if it fails on them, or never returns, it does so in every attempt.
  const own = await selfTestAnswers(inference, split, tolerance).catch((error: unknown) => {
    throw asSelfTestError(error, pathsOf(source));
  });
  if (!own.ok) throw new WorkerError('terminal', own.fault);
  for (const note of own.notes) log.warn(note);
  const { dataIdentity } = source;
  const identified = dataIdentity === undefined ? own.reference : { ...own.reference, dataIdentity };
  const reference = await createReference(link, names, identified);
  const comparison = await compareWithReference(inference, split, reference, tolerance, dataIdentity);
  if (!comparison.ok) throw new WorkerError('terminal', comparison.fault);
  log.info({ largestDifference: comparison.largestDifference }, 'self-test passed');
  return { dataset, inference, link, teacher, report };
}
