/** The teacher process: a composition root. Connect, load, prove itself, then label until told to stop. */
import { jobNames, teacherDrainMs, type TeacherState } from '../../src/protocol/index.js';
import { openInferenceThread } from '../compute/index.js';
import { openDataset, pathOfUri } from '../data/index.js';
import { compareWithReference, selfTestAnswers } from '../models/inference/index.js';
import { WorkerError } from '../shell/exit.js';
import { Meter } from '../shell/meter.js';
import { runWorker } from '../shell/process.js';
import { bury, connectWorker, createReference, publishFrame, publishTeacherState, workQueue } from '../stream/index.js';

import { Teacher } from './teacher.js';

const connectWaitMs = 60_000;
const telemetryMs = 500;

await runWorker(async ({ env, log, clock, stop }) => {
  const { manifest, pod, pool } = env;
  const names = jobNames(manifest.job.uid);
  const dataset = await openDataset(manifest.dataset);
  const split = dataset.train;
  const [inference, link] = await Promise.all([
    openInferenceThread({
      format: manifest.teacher.model.format,
      path: pathOfUri(manifest.teacher.model.uri),
      input: manifest.teacher.input,
      sampleShape: split.shape,
      threads: env.threads,
    }),
    connectWorker({
      ...env.nats,
      inboxPrefix: names.inboxPrefix('teacher'),
      name: pod,
      waitMs: connectWaitMs,
      clock,
      log,
    }),
  ]);
  log.info({ model: inference.description, digest: inference.digestHex }, 'model loaded');

  const meter = new Meter();
  const teacher = new Teacher({
    name: pod,
    manifest,
    split,
    inference,
    meter,
    clock,
    log,
    stream: {
      deliveries: (signal) => workQueue(link, names, signal),
      publish: (shard, step, frame) => publishFrame(link, names, { shard, step }, frame),
      bury: (item) => bury(link, names, item),
    },
  });
  let phase: TeacherState['phase'] = 'SelfTest';
  const tell = async (): Promise<void> => {
    const rates = meter.rates(clock.now());
    await publishTeacherState(link, names, {
      pod,
      pool,
      phase,
      runtime: inference.description,
      ...rates,
      ...teacher.counts,
      accuracy: null,
      updatedAtMs: clock.now(),
    });
  };

  await tell();
  const reference = await createReference(link, names, await selfTestAnswers(inference, split));
  const comparison = await compareWithReference(inference, split, reference, manifest.teacher.tolerance);
  if (!comparison.ok) throw new WorkerError('error', comparison.sentence);
  phase = 'Ready';
  log.info({ largestDifference: comparison.largestDifference }, 'self-test passed');

  const over = new AbortController();
  const telling = (async () => {
    while (!over.signal.aborted) {
      await tell().catch((error: unknown) => log.warn(`telemetry was not pushed: ${String(error)}`));
      await clock.sleep(telemetryMs, over.signal);
    }
  })();
  stop.addEventListener('abort', () => {
    phase = 'Draining';
    void clock.sleep(teacherDrainMs).then(() => {
      teacher.giveBackHeld();
      over.abort();
      // What was given back must reach the server before the process ends.
      void link.connection.flush().finally(() => process.exit(0));
    });
  });
  // A teacher without its model is of no use; its items come back to the others.
  const died = inference.ended.then((error) => {
    if (!stop.aborted) throw error;
  });
  await Promise.race([teacher.run(stop), died]);
  over.abort();
  await telling;
  await link.close();
  await dataset.close();
});
