/** `distill run`: loads the job, trains it, shows the progress, and says how it ended. */
import type { Clock } from '@distillery/base';

import { storeKind } from '../../api/index.js';
import type { Plan } from '../../domain/index.js';
import type { FoundNatsServer } from '../../stream/index.js';
import type { Log } from '../../telemetry/index.js';

import { CliError } from '../shared/cli-error.js';
import type { Ending } from '../shared/exit.js';
import type { ReadInput } from '../shared/input.js';
import { metricsByName, type Scores } from '../shared/scores.js';
import type { StopRequest } from '../shared/stop.js';
import type { Terminal } from '../shared/standard-output.js';

import { checkBaseline, openBaselineFolder } from './baseline.js';
import type { MachineFacts } from './doctor.js';
import { openRunFolder, type RunChoice } from './load-job.js';
import { openOutput, type Output } from './output.js';
import { checkRunEnvironment, environmentOf, type RemoteEnvironment } from './run-environment.js';
import type { RunFolder } from './run-folder.js';
import { RunHistory } from './run-history.js';
import { endingReport } from './run-report.js';
import {
  baselineStoppedSummary,
  completeSummary,
  failedSummary,
  resumeCommand,
  stoppedSummary,
  studentDoneSummary,
  type Summary,
  withReport,
} from './run-summary.js';
import { endingOf, type ShortWorker } from './short-worker.js';
import type { Outcome } from './supervise-job.js';
import { teacherScores } from './teacher-scores.js';
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
  /** What this machine has, for the history of the run. */
  readonly machine: () => MachineFacts;
  /** How this person calls `distill`: words for a shell. */
  readonly command: string;
  /** Compiled entry files of the worker processes. */
  readonly scripts: {
    readonly teacher: string;
    readonly student: string;
    readonly evaluate: string;
    readonly baseline: string;
  };
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
  } catch (error) {
    // Nothing of a run that was refused is left.
    folder.discard();
    throw error;
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
    if (this.#options.baseline) await checkBaseline(folder, this.#worker('baseline'));
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
    const { stop } = this.#needs;
    const folder = this.#folder;
    const { store } = folder.job.spec.student.output;
    const model = storeKind(store) === 's3' ? store : folder.file('model');
    const teacher = await teacherScores(folder, this.#worker('evaluate'));
    if (!('unmeasured' in teacher)) RunHistory.open(folder, () => this.#needs.clock.now()).teacherMeasured(teacher);
    if (stop.signal.aborted && !this.#options.baseline) return this.#stopped(studentDoneSummary(folder.path, model));
    const baseline = this.#options.baseline ? await this.#trainBaseline(nats) : null;
    if (baseline === 'stopped') {
      const inner = folder.file('baseline');
      const resume = resumeCommand(inner, false, this.#resumeOptions());
      return this.#stopped(baselineStoppedSummary(inner, model, resume, isOwn(nats)));
    }
    const { digest = null } = plan.status.result ?? {};
    const { replacedRows = 0 } = plan.status.progress ?? {};
    const scores = { teacher, student: scoresIn(plan), baseline };
    this.#finish(completeSummary({ folder: folder.path, model, seconds, replacedRows, digest, ...scores }));
    return 'ok';
  }

  /** @returns the scores of the baseline's student @throws CliError, StreamError */
  async #trainBaseline(nats: FoundNatsServer): Promise<Scores | 'stopped'> {
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
      return scoresIn(outcome.plan);
    } finally {
      inner.release();
    }
  }

  /** A worker that answers a question about the run's job. */
  #worker(name: 'evaluate' | 'baseline'): ShortWorker {
    const { scripts, stop } = this.#needs;
    const environment = environmentOf(this.#folder.job, this.#needs);
    return { script: scripts[name], environment, stop: stop.signal };
  }

  /** @throws CliError, StreamError */
  async #train(folder: RunFolder, nats: FoundNatsServer): Promise<Outcome> {
    const { scripts, clock, openLog, stop } = this.#needs;
    const environment = environmentOf(folder.job, this.#needs);
    // The log of our own server says why it does not start.
    if (isOwn(nats)) folder.keep();
    const { name } = folder.job.metadata;
    const history = RunHistory.open(folder, () => clock.now());
    const outcome = await train({
      folder,
      nats,
      slots: this.#options.slots,
      scripts,
      environment,
      clock,
      log: openLog(folder.file('logs', 'engine.log')),
      stop: stop.signal,
      onServer: (version) => {
        folder.keep();
        history.started(this.#needs.machine(), this.#options.slots, version);
      },
      onEvents: (events) => {
        history.events(events);
        this.#output.events(events);
      },
      onDecision: (snapshot, plan, pids) => {
        history.decided(snapshot, plan);
        const desired = plan.pools.reduce((sum, pool) => sum + pool.replicas, 0);
        const shown = shownOf(snapshot, desired);
        if (shown !== null) this.#output.progress(name, shown, pids);
      },
    });
    history.ended(outcome.kind);
    return outcome;
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

  /** Writes the report first, so that the summary can name it. */
  #finish(summary: Summary): void {
    this.#folder.keep();
    const report = endingReport(this.#folder.path, this.#needs.clock.now());
    const { lines, record } = report === null ? summary : withReport(summary, report);
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

function scoresIn({ status: { result } }: Plan): Scores {
  return { accuracy: result?.accuracy ?? null, metrics: metricsByName(result?.metrics) };
}
