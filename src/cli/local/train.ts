/**
 * Runs one job on this machine: starts a NATS server, connects the streams, supervises the job until it is over, and
 * brings its model home.
 *
 * Invariants:
 *  train/E1 However `train` ends, every process that it started is gone.
 *  train/E2 A run that was stopped or failed keeps its server's store, so that it can be resumed.
 */
import { removeOwnFolderSync } from '@distillery/platform';

import { storeKind } from '../../api/index.js';
import type { JobKey } from '../../controller/index.js';
import { connectStreams, type FoundNatsServer, type StreamAdmin, StreamError } from '../../stream/index.js';

import { bringModel } from './bring-model.js';
import { checkDiskSpace } from './storage.js';
import { startNats } from './nats.js';
import type { RunFolder } from './run-folder.js';
import { natsMark } from './run-entries.js';
import { type Outcome, superviseJob, type SuperviseOptions } from './supervise-job.js';

export interface TrainOptions extends Omit<SuperviseOptions, 'key' | 'nats' | 'admin'> {
  readonly nats: FoundNatsServer;
  /** Called once the streams are connected. @param version of the server */
  readonly onServer: (version: string) => void;
}

const connectWaitMs = 20_000;

/** @throws StreamError, CliError */
export async function train(options: TrainOptions): Promise<Outcome> {
  const { stop, log } = options;
  try {
    return await runToEnd(options);
  } catch (error) {
    // A stop aborts the start of a server and every request to it.
    if (!stop.aborted || (error !== stop.reason && !(error instanceof StreamError))) throw error;
    log.info({ error: String(error) }, 'stopped');
    return { kind: 'stopped' };
  } finally {
    log.info({}, 'engine ended');
  }
}

/** @throws StreamError, CliError; the reason of `stop` once it aborts, with nothing left running (train/E1) */
async function runToEnd(options: TrainOptions): Promise<Outcome> {
  const { folder, log, stop } = options;
  const key = keyOf(folder);
  await enoughSpace(folder);
  const nats = await startNats({ ...options, uid: key.uid });
  let admin: StreamAdmin | null = null;
  try {
    admin = await connectStreams({
      ...nats.access.operator,
      waitMs: connectWaitMs,
      stop,
      onStatus: (event) => log.info(event, 'nats connection'),
    });
    stop.throwIfAborted();
    options.onServer(admin.serverVersion);
    await admin.retryDeadLetters(key.uid);
    stop.throwIfAborted();
    const outcome = await superviseJob({ ...options, key, nats, admin });
    if (outcome.kind === 'complete') {
      // A bucket has it already.
      if (storeKind(folder.job.spec.student.output.store) !== 's3') {
        await bringModel({ ...options, admin, uid: key.uid }, outcome.plan.status.result ?? {});
      }
      // The run is complete, even if its streams cannot be removed from a server that is not ours.
      await admin.remove(key.uid).catch((error: unknown) => log.warn({ error: String(error) }, 'streams not removed'));
    }
    await admin.close();
    await nats.stop();
    if (outcome.kind === 'complete') removeOwnFolderSync(folder.file('nats'), natsMark);
    return outcome;
  } catch (error) {
    await admin?.close().catch(() => undefined);
    await nats.stop();
    throw error;
  }
}

/** @throws CliError that names the folder, which stays for that */
async function enoughSpace(folder: RunFolder): Promise<void> {
  try {
    await checkDiskSpace(folder.path);
  } catch (error) {
    folder.keep();
    throw error;
  }
}

function keyOf(folder: RunFolder): JobKey {
  const { name, namespace = 'default', uid } = folder.job.metadata;
  if (uid === undefined) throw new Error('a job of a local run has a uid');
  return { namespace, name, uid };
}
