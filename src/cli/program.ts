/** Commands, options and help texts. */
import { printableLines, sentenceOf, version } from '@distillery/base';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';

import type { Engine } from '../api/index.js';
import { policies } from '../simulate/index.js';
import { connectReader, StreamError, type StreamErrorReason } from '../stream/index.js';

import type { EngineContext } from './context.js';
import { CliError, type Ending, exitCodes } from './exit.js';
import { fetchJob } from './fetch.js';
import { readInput } from './input.js';
import { refusal, validated } from './job-file.js';
import { defaultOperatorSettings, readOperatorSettings } from './operator-settings.js';
import { progressLine } from './progress-line.js';
import { storageFault } from './room.js';
import { plan, type SettingFlags, settingsIn } from './plan.js';
import { run } from './run.js';
import { simulate } from './simulate.js';
import { tellSlots } from './slots.js';

const examples = `
Examples:
  $ distill run examples/mnist/job.yaml               distill on this machine, with a live view
  $ distill run job.yaml --baseline                   also train the same student on labels alone
  $ distill run --resume runs/mnist-20261124-101500   resume a stopped run
  $ distill run job.yaml --json | jq .                one JSON object a line, for machines
  $ distill slots 2                                   limit the running job to two teachers
  $ distill validate job.yaml                         list every problem, with its remedy
  $ distill plan                                      explain how many teachers each job of a cluster gets
  $ distill simulate day.json                         compare ways of scaling on a simulated cluster
  $ distill fetch mnist -n team-a -o model            copy the model of a finished job from a cluster

Exit codes:
    0  done                                  69  no NATS or API server; Node.js too old
    1  the job failed                        74  disk full, or a folder cannot be written
    2  the command line is wrong            130  stopped by Ctrl-C (143 by SIGTERM): resumable
   65  the job, data, model or path is wrong 141  output closed (SIGPIPE): resumable

Environment:
  DISTILL_NATS_URL   use this running NATS server (2.10 or newer, with JetStream) instead of starting one
  DISTILL_RUNTIME    where the student computes: auto (the default), wasm or cpu`;

export async function program(context: EngineContext, argv: readonly string[]): Promise<Ending> {
  let ending: Ending = 'ok';
  const say = (text: string): void => void context.terminal.write(`${printableLines(text)}\n`);
  const root = new Command('distill')
    .description('Elastic knowledge distillation: a fleet of teachers, one student, no step lost or repeated.')
    .version(version)
    .showHelpAfterError('(distill --help says more)')
    .addHelpText('after', examples)
    .exitOverride()
    .hook('preAction', () => {
      if (context.hasWorkingFolder) return;
      throw new CliError('storage', {
        about: '',
        problem: 'the working folder was removed',
        remedy: 'change to a folder that exists, then try again',
      });
    });
  root
    .command('run')
    .description('distill on this machine: each teacher is a process and takes a slot, one for each core')
    .argument('[file]', 'a DistillJob, as kubectl apply takes it; - = standard input')
    .option('--dir <folder>', 'folder of the run (default: runs/<name>-<time>)')
    .option('--resume <folder>', 'resume a stopped run')
    .option('--baseline', 'also train the same student on labels alone, and print the accuracy of both', false)
    .option('--slots <n>', 'most teachers at a time (default: one for each core)', positiveInteger, context.cores)
    .option('--json', 'one JSON object a line', false)
    .addHelpText('after', examples)
    .action(async (file: string | undefined, options: RunFlags) => {
      if (file !== undefined && options.resume !== undefined) {
        throw new CliError('usage', {
          about: 'distill run',
          problem: 'name a job file or --resume, not both',
          remedy: '',
        });
      }
      if (options.dir !== undefined && options.resume !== undefined) {
        throw new CliError('usage', {
          about: 'distill run',
          problem: '--dir names the folder of a new run',
          remedy: 'leave it out with --resume',
        });
      }
      ending = await run({ ...options, ...(file === undefined ? {} : { file }) }, context);
    });
  root
    .command('slots')
    .description('limit the teachers of the running job')
    .argument(
      '<n>',
      'most teachers at a time; 0 = none: the student uses up the stored logits, then waits',
      wholeNumber,
    )
    .option('--dir <folder>', 'folder of the run (default: the only running one in runs/)')
    .action((slots: number, { dir }: { readonly dir?: string }) => {
      const run = tellSlots(slots, dir, 'runs');
      say(`${run}: ${String(slots)} slots`);
    });
  root
    .command('validate')
    .description('check every DistillJob of a file, for a local run and for a cluster: all problems at once')
    .argument('<file>', 'what kubectl apply takes: YAML or JSON, several documents, lists; - = standard input')
    .addOption(new Option('--engine <engine>', 'check for this one only').choices(['local', 'cluster']))
    .option(
      '--operator-settings <file>',
      "the operator's limits as NAME=VALUE lines (default: no limits; an operator may have some)",
    )
    .option('-n, --namespace <name>', 'whose limits hold for a job that names no namespace', 'default')
    .addHelpText(
      'after',
      `
An operator may limit the weight, minReplicas, maxBytes and ttlSecondsAfterFinished of a job, and what its templates may
name. Without --operator-settings, a job is checked as for an operator with default settings. An administrator can save
the settings of an operator:
  $ kubectl -n NAMESPACE set env deployment/distillery --list > operator.env
  $ distill validate job.yaml --operator-settings operator.env
The job is then checked for that cluster alone.`,
    )
    .action(async (file: string, { engine, operatorSettings: from, namespace }: ValidateFlags) => {
      // Settings of an operator are about a cluster.
      const wanted = engine ?? (from === undefined ? undefined : 'cluster');
      const settings =
        from === undefined
          ? defaultOperatorSettings
          : readOperatorSettings(await readInput(from, context), from === '-' ? 'standard input' : from);
      const { lines, problems } = validated(await readInput(file, context), file, wanted, { settings, namespace });
      for (const line of lines) say(line);
      if (problems.length > 0) throw refusal(problems);
    });
  root
    .command('fetch')
    .description('copy the model of a finished job from a cluster, and check its digest')
    .argument('<job>', 'name of the DistillJob')
    .option('-o, --output <folder>', 'where the model goes (default: the name of the job)')
    .option('-n, --namespace <name>', "the job's namespace (default: that of the kubeconfig's context)")
    .option('--kubeconfig <file>', 'which kubeconfig (default: as kubectl finds it)')
    .option('--context <name>', 'which of its contexts (default: the current one)')
    .option(
      '--nats <url>',
      'address of NATS from here, such as nats://127.0.0.1:4222 behind kubectl port-forward (default: the address that pods use)',
    )
    .option('--force', 'replace an earlier model in the folder', false)
    .addHelpText('after', examples)
    .action(async (job: string, { kubeconfig, context: name, ...flags }: FetchFlags) => {
      ending = await unlessStopped(context, async () => {
        const jobs = await context.openJobs({ kubeconfig, context: name });
        await fetchJob(
          { output: job, ...flags, job },
          {
            jobs,
            kubectlOptions: [
              ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
              ...(name === undefined ? [] : ['--context', name]),
            ],
            connect: connectReader,
            say,
            stop: context.stop,
          },
        );
      });
    });
  root
    .command('plan')
    .description(
      'who gets how many teachers in a cluster, and why: from the cluster as it is, or from a saved snapshot',
    )
    .option('-f, --file <snapshot>', 'a snapshot that --save wrote')
    .option('--save <file>', 'write the snapshot that the plan is made from')
    .option('--reserve <slots>', "the operator's reserve, such as nvidia.com/gpu=2 (no setting of it is known here)")
    .option('--namespace-weights <weights>', "the operator's weights of namespaces, such as team-a=3")
    .option('--limit-weight <limits>', "the operator's limit of spec.weight, such as 10,team-a=100")
    .option('--limit-min-replicas <limits>', "the operator's limit of minReplicas, such as 4,team-a=32")
    .option('--kubeconfig <file>', 'which kubeconfig (default: as kubectl finds it)')
    .option('--context <name>', 'which of its contexts (default: the current one)')
    .option('--json', 'grants as JSON', false)
    .action(async ({ kubeconfig, context: name, ...options }: PlanFlags) => {
      ending = await unlessStopped(context, () =>
        plan(
          { ...options, ...settingsIn(options) },
          {
            readCluster: async () => (await context.openJobs({ kubeconfig, context: name })).readCluster(),
            readInput: (path) => readInput(path, context),
            say,
            nowMs: context.clock.now(),
          },
        ),
      );
    });
  root
    .command('simulate')
    .description('compare ways of scaling teachers on a simulated cluster, made up or from a log (docs/simulator.md)')
    .argument('[trace...]', 'a file of parameters; or a folder with, or the two files of, a node and a pod list')
    .option('--parameters <file>', 'jobs, teachers and hours, beside the lists of a log')
    .option('--policy <names...>', `which of ${Object.keys(policies).join(', ')} (default: all)`, [])
    .option('--seed <n>', 'of everything that is random', positiveInteger, 1)
    .option('--json', 'one JSON object', false)
    .action(async (trace: string[], options: SimulateFlags) => {
      const { terminal, stop } = context;
      const shown = progressLine(terminal, () => context.clock.now());
      await simulate(
        { ...options, trace },
        {
          say: (line) => shown.keep(line),
          progress: options.json ? () => undefined : shown.replace,
          readInput: (path) => readInput(path, context),
          stop,
        },
      );
      if (stop.aborted) ending = context.stopEnding();
    });
  await root.parseAsync([...argv]);
  return ending;
}

/** How a command ends that only asks: whatever a stop makes it fail with, it was stopped. */
async function unlessStopped(context: EngineContext, work: () => Promise<void>): Promise<Ending> {
  try {
    await work();
    return 'ok';
  } catch (error) {
    if (!context.stop.aborted) throw error;
    return context.stopEnding();
  }
}

interface ValidateFlags {
  readonly engine?: Engine;
  readonly operatorSettings?: string;
  readonly namespace: string;
}

interface SimulateFlags {
  readonly parameters?: string;
  readonly policy: readonly string[];
  readonly seed: number;
  readonly json: boolean;
}

interface PlanFlags extends SettingFlags {
  readonly file?: string;
  readonly save?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly json: boolean;
}

interface FetchFlags {
  readonly output?: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly nats?: string;
  readonly force: boolean;
}

interface RunFlags {
  readonly dir?: string;
  readonly resume?: string;
  readonly baseline: boolean;
  readonly slots: number;
  readonly json: boolean;
}

function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 0 to 99999.');
  return Number(text);
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('expected a whole number from 1.');
  return value;
}

/**
 * Exit code of whatever was thrown; prints the sentence a person needs.
 * @param faults how much of a fault of our own is printed: the stack only for those who ask for it
 */
export function exitCodeOf(error: unknown, faults: 'sentence' | 'stack', printRaw: (text: string) => void): number {
  const print = (text: string): void => printRaw(printableLines(text));
  // Help, version and usage errors: commander printed them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CliError) {
    print(`${error.message}\n`);
    return exitCodes[error.reason];
  }
  if (error instanceof StreamError) {
    print(`${error.message}\n`);
    return exitCodes[streamEndings[error.reason] ?? 'failed'];
  }
  const fault = storageFault(error);
  if (fault !== null) {
    print(`${sentenceOf({ ...fault, about: 'disk' })}\n`);
    return exitCodes.storage;
  }
  const what = error instanceof Error ? error.message : String(error);
  print(
    `internal error: ${what}. This is a bug in distill. Report it, with the output under DISTILL_LOG_LEVEL=debug.\n`,
  );
  if (faults === 'stack' && error instanceof Error) print(`${error.stack ?? ''}\n`);
  return exitCodes.failed;
}

const streamEndings: Partial<Record<StreamErrorReason, Ending>> = {
  unreachable: 'unavailable',
  unauthorized: 'unavailable',
  tooOld: 'unavailable',
  noJetStream: 'unavailable',
  noServer: 'unavailable',
  full: 'storage',
};
