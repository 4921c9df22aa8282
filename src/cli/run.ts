/** `distill run`: reads and checks the job, runs the engine, shows it, and says how it ended. */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';

import { spawnFolder } from '@distillery/platform';
import { workerExitCodes } from '@distillery/protocol';

import type { FoundNatsServer } from '../stream/index.js';

import type { EngineContext } from './context.js';
import { type Outcome, runEngine } from './engine.js';
import { CliError, type Ending } from './exit.js';
import { readInput } from './input.js';
import { localJob } from './job-file.js';
import { openOutput, type Output } from './output.js';
import { checkRunEnvironment } from './run-environment.js';
import { RunFolder } from './run-folder.js';
import { shellWord } from './shell-words.js';
import { accuracy, duration, shownOf } from './view.js';

export interface RunOptions {
  /** Path of the job, `-` for standard input; absent with `resume`. */
  readonly file?: string;
  /** Folder of the run; absent = runs/<name>-<time>. */
  readonly dir?: string;
  readonly resume?: string;
  readonly baseline: boolean;
  readonly json: boolean;
  readonly slots: number;
}

/** @throws CliError, StreamError; resolves to how the process shall end */
export async function run(options: RunOptions, context: EngineContext): Promise<Ending> {
  checkRunEnvironment(context.environment);
  const output = openOutput(options.json ? 'json' : 'auto', context.terminal, () => context.clock.now());
  const folder = await openFolder(options, context);
  try {
    return await runIn(folder, options, context, output);
  } finally {
    folder.release();
  }
}

/** As many characters as the API server adds to a `generateName`. */
const suffixLength = 5;

async function openFolder(options: RunOptions, context: EngineContext): Promise<RunFolder> {
  if (options.resume !== undefined) return RunFolder.resume(options.resume, context.pid);
  if (options.file === undefined)
    throw new CliError('usage', {
      about: 'distill run',
      problem: 'name a job file, or a run with --resume',
      remedy: '',
    });
  const text = await readInput(options.file, context);
  const job = localJob(text, options.file, context.newUid().slice(0, suffixLength));
  const stamp = new Date(context.clock.now()).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
  const metadata = { ...job.metadata, namespace: job.metadata.namespace ?? 'default', uid: context.newUid() };
  const withUid = { ...job, metadata };
  if (options.dir !== undefined) return RunFolder.create(options.dir, withUid, context.pid);
  return RunFolder.createNew(`runs/${job.metadata.name}-${stamp}`, withUid, context.pid);
}

async function runIn(folder: RunFolder, options: RunOptions, context: EngineContext, output: Output): Promise<Ending> {
  const nats = await findNats(context, output);
  const stopped = (): Ending => {
    const resume = resumeCommand(folder.path, options, context, options.baseline);
    output.finish([`stopped; nothing is lost. Resume with: ${resume}`, ...keptServer(nats)], {
      outcome: 'stopped',
      folder: folder.path,
      resume,
    });
    return context.stopEnding();
  };
  if (nats === 'stopped') return stopped();
  const startedMs = context.clock.now();
  const outcome = await once(folder, options, context, output, nats);
  if (outcome.kind === 'stopped') return stopped();
  if (outcome.kind === 'failed') {
    const sentence = failureOf(outcome);
    output.finish([`failed: ${sentence}`, `logs: ${folder.file('logs')}`], {
      outcome: 'failed',
      message: sentence,
      folder: folder.path,
    });
    return endingOf(outcome.exitCode);
  }
  const result = outcome.plan.status.result;
  const seconds = (context.clock.now() - startedMs) / 1_000;
  const teacherAccuracy = await teacherAccuracyOf(folder, context);
  if (context.stop.aborted && !options.baseline) {
    output.finish([`stopped; the student is done: ${folder.file('model')}`], {
      outcome: 'stopped',
      model: folder.file('model'),
      folder: folder.path,
    });
    return context.stopEnding();
  }
  const baseline = options.baseline ? await baselineOf(folder, options, context, output, nats) : null;
  if (baseline === 'stopped') {
    const inner = folder.file('baseline');
    const resume = resumeCommand(inner, options, context, false);
    output.finish(
      [
        `stopped; the student is done: ${folder.file('model')}`,
        `Resume the baseline with: ${resume}`,
        ...keptServer(nats),
      ],
      { outcome: 'stopped', model: folder.file('model'), folder: inner, resume },
    );
    return context.stopEnding();
  }
  output.finish(
    [
      `done in ${duration(seconds)}`,
      `  teacher   ${accuracy(teacherAccuracy)} of the evaluation split`,
      `  student   ${accuracy(result?.accuracy ?? null)}`,
      ...(baseline === null ? [] : [`  baseline  ${accuracy(baseline)} (the same student, labels alone, same steps)`]),
      `  digest    ${result?.digest ?? 'unknown'}`,
      `  model     ${folder.file('model')}`,
    ],
    {
      outcome: 'complete',
      seconds,
      teacherAccuracy,
      studentAccuracy: result?.accuracy ?? null,
      ...(baseline === null ? {} : { baselineAccuracy: baseline }),
      digest: result?.digest ?? null,
      model: folder.file('model'),
      folder: folder.path,
    },
  );
  return 'ok';
}

/** What a person pastes into a shell to resume the run so that it ends as it would have ended. */
function resumeCommand(folder: string, options: RunOptions, context: EngineContext, baseline: boolean): string {
  const { DISTILL_RUNTIME: runtime = '' } = context.environment;
  return [
    ...(runtime === '' ? [] : [`DISTILL_RUNTIME=${shellWord(runtime)}`]),
    context.command,
    'run',
    '--resume',
    shellWord(folder),
    ...(baseline ? ['--baseline'] : []),
    ...(options.slots === context.cores ? [] : ['--slots', String(options.slots)]),
    ...(options.json ? ['--json'] : []),
  ].join(' ');
}

/** The address may hold a login, so it is never printed. */
function keptServer(nats: FoundNatsServer | 'stopped'): string[] {
  if (nats === 'stopped' || nats.kind !== 'running') return [];
  return ['Keep DISTILL_NATS_URL as it is: that server holds what the run needs.'];
}

/** @throws StreamError */
async function findNats(context: EngineContext, output: Output): Promise<FoundNatsServer | 'stopped'> {
  try {
    return await context.findNats((line) => output.say(line));
  } catch (error) {
    if (!context.stop.aborted) throw error;
    return 'stopped';
  }
}

async function once(
  folder: RunFolder,
  options: RunOptions,
  context: EngineContext,
  output: Output,
  nats: FoundNatsServer,
): Promise<Outcome> {
  const { name } = folder.job.metadata;
  return runEngine({
    folder,
    nats,
    slots: options.slots,
    scripts: context.scripts,
    environment: context.environment,
    clock: context.clock,
    log: context.openLog(folder.file('logs', 'engine.log')),
    stop: context.stop,
    onEvents: (events) => output.events(events),
    onDecision: (snapshot, plan, pids) => {
      const desired = plan.pools.reduce((sum, pool) => sum + pool.replicas, 0);
      const shown = shownOf(snapshot, desired);
      if (shown !== null) output.progress(name, shown, pids);
    },
  });
}

/** The same student on labels alone for the same steps, in a run of its own inside this one. */
async function baselineOf(
  folder: RunFolder,
  options: RunOptions,
  context: EngineContext,
  output: Output,
  nats: FoundNatsServer,
): Promise<number | null | 'stopped'> {
  const inner = baselineFolder(folder, context);
  try {
    // A run that is stopped before its baseline begins leaves a folder that begins it by --resume.
    if (context.stop.aborted) return 'stopped';
    output.say('baseline: the same student on labels alone, for the same steps');
    const outcome = await once(inner, options, context, output, nats);
    if (outcome.kind === 'stopped') return 'stopped';
    if (outcome.kind === 'failed')
      throw new CliError('failed', { about: 'baseline', problem: failureOf(outcome), remedy: '' });
    return outcome.plan.status.result?.accuracy ?? null;
  } finally {
    inner.release();
  }
}

/** @throws CliError */
function baselineFolder(folder: RunFolder, context: EngineContext): RunFolder {
  const { metadata, spec } = folder.job;
  const student = { ...spec.student, loss: { ...spec.student.loss, softWeight: 0 } };
  const job = {
    ...folder.job,
    metadata: { ...metadata, name: `${metadata.name.slice(0, 54)}-baseline`, uid: context.newUid() },
    spec: { ...spec, student },
  };
  // An earlier attempt of this run may have begun it.
  return existsSync(folder.file('baseline', 'job.json'))
    ? RunFolder.resume(folder.file('baseline'), context.pid)
    : RunFolder.create(folder.file('baseline'), job, context.pid);
}

/**
 * The teacher on the whole evaluation split, by the teacher's own code in a process of its own, which has ended when this
 * resolves.
 */
async function teacherAccuracyOf(folder: RunFolder, context: EngineContext): Promise<number | null> {
  if (folder.job.spec.student.loss.softWeight === 0 || context.stop.aborted) return null;
  const child = spawn(process.execPath, [context.scripts.evaluate], {
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: spawnFolder(folder.path),
    env: { ...context.environment, DISTILL_MANIFEST: folder.file('job', 'manifest.json') },
    signal: context.stop,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((settle) => {
    child.on('error', () => {
      // A stop is an error too: that child is ending, and closes.
      if (child.pid === undefined) settle(null);
    });
    child.once('close', settle);
  });
  if (code !== 0) return null;
  const { accuracy: value } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { accuracy: number };
  return value;
}

function failureOf(outcome: Extract<Outcome, { kind: 'failed' }>): string {
  const condition = outcome.plan.status.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  return condition?.message ?? 'the job failed without a reason';
}

/** `distill` ends as the process that failed the job ended. */
function endingOf(exitCode: number | null): Ending {
  if (exitCode === workerExitCodes.terminal) return 'badInput';
  if (exitCode === workerExitCodes.unreachable) return 'unavailable';
  if (exitCode === workerExitCodes.storage) return 'storage';
  return 'failed';
}
