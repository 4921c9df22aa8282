/** `distill run`: loads the job, trains it, shows the progress, and says how it ended. */
import type { Clock } from '@distillery/base';
import { workerExitCodes } from '@distillery/protocol';

import type { FoundNatsServer } from '../../stream/index.js';
import type { Log } from '../../telemetry/index.js';

import { CliError } from '../shared/cli-error.js';
import type { Ending } from '../shared/exit.js';
import type { ReadInput } from '../shared/input.js';
import { metricsByName } from '../shared/scores.js';
import type { StopRequest } from '../shared/stop.js';
import type { Terminal } from '../shared/standard-output.js';

import { openBaselineFolder } from './baseline.js';
import { openRunFolder, type RunChoice } from './load-job.js';
import { openOutput, type Output } from './output.js';
import { checkRunEnvironment, environmentOf, type RemoteEnvironment } from './run-environment.js';
import type { RunFolder } from './run-folder.js';
import {
  baselineStoppedSummary,
  completeSummary,
  failedSummary,
  resumeCommand,
  stoppedSummary,
  studentDoneSummary,
  type Summary,
} from './run-summary.js';
import type { Outcome } from './supervise-job.js';
import { teacherAccuracy } from './teacher-accuracy.js';
import { train } from './train.js';
import { shownOf } from './view.js';

export interface RunOptions extends RunChoice {
  readonly baseline: boolean;
  readonly json: boolean;
  readonly slots: number;
}

/** What `distill run` takes from the outside. */
export interface RunNeeds {
  readonly terminal: Terminal;
  readonly readInput: ReadInput;
  readonly clock: Clock;
  readonly stop: StopRequest;
  readonly pid: number;
  readonly newUid: () => string;
  /** Slots of a run without `--slots`. */
  readonly cores: number;
  /** How this person calls `distill`: words for a shell. */
  readonly command: string;
  /** Compiled entry files of the worker processes. */
  readonly scripts: { readonly teacher: string; readonly student: string; readonly evaluate: string };
  /** Variables of every worker process. */
  readonly environment: Readonly<Record<string, string>>;
  readonly remote: RemoteEnvironment;
  readonly openLog: (path: string) => Log;
  /** @throws StreamError when there is no server and none can be installed; the reason of `stop` once it aborts */
  readonly findNats: (progress: (line: string) => void) => Promise<FoundNatsServer>;
}

/** @throws CliError, StreamError */
export async function run(options: RunOptions, needs: RunNeeds): Promise<Ending> {
  const { clock, terminal } = needs;
  checkRunEnvironment({ ...needs.environment, ...needs.remote.cache });
  const nowMs = (): number => clock.now();
  const output = openOutput(options.json ? 'json' : 'auto', terminal, nowMs);
  const folder = await openRunFolder(options, { ...needs, nowMs });
  try {
    return await new Run(folder, options, needs, output).toEnd();
  } finally {
    folder.release();
  }
}

/** One run in its folder, with its baseline if one is asked for. */
class Run {
  readonly #folder: RunFolder;
  readonly #options: RunOptions;
  readonly #needs: RunNeeds;
  readonly #output: Output;

  constructor(folder: RunFolder, options: RunOptions, needs: RunNeeds, output: Output) {
    this.#folder = folder;
    this.#options = options;
    this.#needs = needs;
    this.#output = output;
  }

  async toEnd(): Promise<Ending> {
    const { clock } = this.#needs;
    const folder = this.#folder;
    const nats = await this.#findNats();
    if (nats === null) return this.#stopped(stoppedSummary(folder.path, this.#resume(folder.path), true));
    const startMs = clock.now();
    const outcome = await this.#train(folder, nats);
    switch (outcome.kind) {
      case 'stopped':
        return this.#stopped(stoppedSummary(folder.path, this.#resume(folder.path), isOwn(nats)));
      case 'failed': {
        this.#finish(failedSummary(folder.path, folder.file('logs'), failureOf(outcome)));
        return endingOf(outcome.exitCode);
      }
      case 'complete':
        return this.#completed(outcome, nats, (clock.now() - startMs) / 1_000);
    }
  }

  async #completed(
    { plan }: Extract<Outcome, { kind: 'complete' }>,
    nats: FoundNatsServer,
    seconds: number,
  ): Promise<Ending> {
    const { scripts, stop } = this.#needs;
    const folder = this.#folder;
    const environment = environmentOf(folder.job, this.#needs);
    const model = folder.file('model');
    const measured = await teacherAccuracy(folder, { script: scripts.evaluate, environment, stop: stop.signal });
    if (stop.signal.aborted && !this.#options.baseline) return this.#stopped(studentDoneSummary(folder.path, model));
    const baseline = this.#options.baseline ? await this.#trainBaseline(nats) : null;
    if (baseline === 'stopped') {
      const inner = folder.file('baseline');
      const resume = resumeCommand(inner, false, this.#resumeOptions());
      return this.#stopped(baselineStoppedSummary(inner, model, resume, isOwn(nats)));
    }
    const { accuracy = null, digest = null, metrics } = plan.status.result ?? {};
    const accuracies = { teacherAccuracy: measured, studentAccuracy: accuracy, baselineAccuracy: baseline };
    const reached = { ...accuracies, metrics: metricsByName(metrics) };
    this.#finish(completeSummary({ folder: folder.path, model, seconds, digest, ...reached }));
    return 'ok';
  }

  /** @returns the accuracy of the baseline's student; null = unknown @throws CliError, StreamError */
  async #trainBaseline(nats: FoundNatsServer): Promise<number | null | 'stopped'> {
    const { newUid, pid, stop } = this.#needs;
    const inner = openBaselineFolder(this.#folder, newUid(), pid);
    try {
      // After a stop at this moment, --resume of this folder starts the baseline.
      if (stop.signal.aborted) return 'stopped';
      this.#output.say('baseline: the same student on labels alone, with the same settings');
      const outcome = await this.#train(inner, nats);
      if (outcome.kind === 'stopped') return 'stopped';
      if (outcome.kind === 'failed') {
        throw new CliError('failed', { about: 'baseline', problem: failureOf(outcome), remedy: '' });
      }
      return outcome.plan.status.result?.accuracy ?? null;
    } finally {
      inner.release();
    }
  }

  /** @throws CliError, StreamError */
  async #train(folder: RunFolder, nats: FoundNatsServer): Promise<Outcome> {
    const { scripts, clock, openLog, stop } = this.#needs;
    const environment = environmentOf(folder.job, this.#needs);
    const { name } = folder.job.metadata;
    return train({
      folder,
      nats,
      slots: this.#options.slots,
      scripts,
      environment,
      clock,
      log: openLog(folder.file('logs', 'engine.log')),
      stop: stop.signal,
      onEvents: (events) => this.#output.events(events),
      onDecision: (snapshot, plan, pids) => {
        const desired = plan.pools.reduce((sum, pool) => sum + pool.replicas, 0);
        const shown = shownOf(snapshot, desired);
        if (shown !== null) this.#output.progress(name, shown, pids);
      },
    });
  }

  /** @returns null after a stop @throws StreamError */
  async #findNats(): Promise<FoundNatsServer | null> {
    try {
      return await this.#needs.findNats((line) => this.#output.say(line));
    } catch (error) {
      if (!this.#needs.stop.signal.aborted) throw error;
      return null;
    }
  }

  #resume(folder: string): string {
    return resumeCommand(folder, this.#options.baseline, this.#resumeOptions());
  }

  #resumeOptions(): Parameters<typeof resumeCommand>[2] {
    const { command, environment, cores } = this.#needs;
    const { slots, json } = this.#options;
    return { command, runtime: environment.DISTILL_RUNTIME, slots, defaultSlots: cores, json };
  }

  #finish({ lines, record }: Summary): void {
    this.#output.finish(lines, record);
  }

  #stopped(summary: Summary): Ending {
    this.#finish(summary);
    return this.#needs.stop.ending;
  }
}

function isOwn(nats: FoundNatsServer): boolean {
  return nats.kind !== 'running';
}

function failureOf({ plan }: Extract<Outcome, { kind: 'failed' }>): string {
  const condition = plan.status.conditions?.find(({ type, status }) => type === 'Failed' && status === 'True');
  return condition?.message ?? 'the job failed without a reason';
}

/** `distill` ends as the process that failed the job ended. */
function endingOf(exitCode: number | null): Ending {
  if (exitCode === workerExitCodes.terminal) return 'badInput';
  if (exitCode === workerExitCodes.unreachable) return 'unavailable';
  if (exitCode === workerExitCodes.storage) return 'storage';
  return 'failed';
}
