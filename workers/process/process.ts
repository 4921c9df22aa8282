/**
 * The frame of every worker process: reads the environment, logs to standard output, listens for SIGTERM and for the end
 * of its owner, and turns whatever happens into an exit code and a last sentence.
 */
import { printableJson } from '@distillery/base';
import type { Clock } from '@distillery/base';
import { systemClock } from '@distillery/platform';
import { fixedLibraries, quietLibraries, workerExitCodes } from '@distillery/protocol';
import { openTracer, type Tracer } from '@distillery/tracing';
import { pino } from 'pino';

import { framesOf, type Log, writeLastWords } from '../base/index.js';
import type { Places } from '../places/index.js';

import { endingOf } from './endings.js';
import { readEnvironment, type WorkerEnvironment } from './environment.js';
import { placesOf } from './places.js';

export interface WorkerContext {
  readonly env: WorkerEnvironment;
  readonly log: Log;
  readonly clock: Clock;
  /** The places of the job. */
  readonly places: Places;
  /** null = tracing is off. */
  readonly tracer: Tracer | null;
  /** Aborts when the process must end: SIGTERM, SIGINT, or its owner is gone. */
  readonly stop: AbortSignal;
}

/** A worker whose owner is gone has this long to finish, then it ends whatever it does. */
const orphanMs = 5_000;

/** Longest message that is logged: an error of a library may quote a whole model. */
const longestSentence = 4_000;

/**
 * Runs `work` to its end and ends the process; never returns.
 * @param role names the process in traces
 */
export async function runWorker(
  role: 'student' | 'teacher',
  work: (context: WorkerContext) => Promise<void>,
): Promise<never> {
  // Before a native library starts, also when the parent process did not set them.
  Object.assign(process.env, quietLibraries, fixedLibraries);
  let terminationLog = process.env.DISTILL_TERMINATION_LOG ?? '/dev/termination-log';
  const output = pino.destination({ dest: 1, sync: true });
  // A disk without room costs lines of the log, never the process that writes them.
  output.on('error', () => undefined);
  const hooks = { streamWrite: printableJson };
  const log = pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks }, output);
  const end = (error: unknown): never => {
    const ending = endingOf(error);
    const sentence = (error instanceof Error ? error.message : String(error)).slice(0, longestSentence);
    if (ending === 'stopped') {
      log.info(sentence);
    } else {
      log.error({ ending, stack: error instanceof Error ? framesOf(error.stack ?? '') : undefined }, sentence);
      writeLastWords(terminationLog, sentence);
    }
    process.exit(workerExitCodes[ending]);
  };
  // Also a rejection without a handler: it ends the process as any other error does, with its sentence.
  process.on('uncaughtException', end);
  let tracer: Tracer | null = null;
  try {
    const env = readEnvironment(process.env);
    ({ terminationLog } = env);
    log.level = env.logLevel;
    const stop = stopSignal(env.ownerPipe);
    tracer = await tracerOf(role, env, log);
    await work({ env, log, clock: systemClock, places: placesOf(env, log, stop), tracer, stop });
    log.info('done');
    await tracer?.close();
    process.exit(workerExitCodes.done);
  } catch (error) {
    await tracer?.close();
    return end(error);
  }
}

function tracerOf(role: string, { manifest, pod, tracing }: WorkerEnvironment, log: Log): Promise<Tracer | null> {
  const { namespace, name, uid } = manifest.job;
  return openTracer({
    settings: tracing,
    service: `distillery-${role}`,
    instance: pod,
    attributes: { 'distillery.job.namespace': namespace, 'distillery.job.name': name, 'distillery.job.uid': uid },
    log,
  });
}

function stopSignal(ownerPipe: boolean): AbortSignal {
  const stop = new AbortController();
  process.on('SIGTERM', () => stop.abort());
  // Ctrl-C reaches the whole foreground group; the owner decides and sends SIGTERM.
  process.on('SIGINT', () => undefined);
  if (ownerPipe) {
    process.stdin.on('end', () => {
      stop.abort();
      setTimeout(() => process.exit(workerExitCodes.stopped), orphanMs).unref();
    });
    process.stdin.on('error', () => stop.abort());
    process.stdin.resume();
    process.stdin.unref();
  }
  return stop.signal;
}
