/**
 * Options and help of the commands that ask a cluster. Each imports what it does when it runs: the help of a command starts
 * without a client.
 */
import { type Command, InvalidArgumentError, Option } from 'commander';

import type { Clock } from '@distillery/base';

import type { Ending } from '../shared/exit.js';
import type { ReadInput } from '../shared/input.js';
import { positiveInteger, withBucketOptions } from '../shared/options.js';
import type { Terminal } from '../shared/standard-output.js';
import { type StopRequest, unlessStopped } from '../shared/stop.js';

import type { BucketChoice, BucketNeeds } from './bucket-results.js';
import type { ClusterReader } from './cluster-reader.js';
import type { SeenCluster } from './cluster-snapshot.js';
import type { LogsOptions } from './logs.js';
import type { SettingFlags } from './plan-settings.js';
import type { StatusOptions } from './status.js';

/** Which cluster; absent = the one that kubectl would use. */
export interface ClusterChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
}

export type { BucketChoice, BucketNeeds };

export interface ClusterNeeds {
  /** @throws CliError when the kubeconfig cannot be used */
  readonly openCluster: (choice: ClusterChoice) => Promise<ClusterReader>;
  /** What reads buckets; null in the program of one file, which starts no processes. */
  readonly buckets: (() => Promise<BucketNeeds>) | null;
  readonly readInput: ReadInput;
  readonly say: (line: string) => void;
  readonly terminal: Terminal;
  /** Whether a page may be colored. */
  readonly color: boolean;
  readonly clock: Clock;
  readonly nowMs: () => number;
  readonly stop: StopRequest;
}

interface JobFlags extends ClusterChoice {
  readonly namespace?: string;
}

/** What the action of a command about one job gets. */
interface JobWork<Flags> {
  readonly job: string;
  readonly namespace: string;
  readonly flags: Flags;
  readonly cluster: ClusterReader;
  readonly kubectlOptions: readonly string[];
}

/** @param ended is called with how the command ends */
export function addClusterCommands(root: Command, needs: ClusterNeeds, ended: (ending: Ending) => void): void {
  const program = root.name();
  const { say, clock, nowMs, stop } = needs;
  /** A command about one job, with the options that choose the cluster. */
  const aboutJob = <Flags extends JobFlags>(
    name: string,
    description: string,
    work: (work: JobWork<Flags>) => Promise<void>,
  ): Command =>
    withCluster(
      root
        .command(name)
        .description(description)
        .argument('<job>', 'name of the DistillJob')
        .option('-n, --namespace <name>', "the job's namespace (default: that of the kubeconfig's context)"),
    ).action(async (job: string, flags: Flags) => {
      const opened = async (): Promise<void> => {
        const cluster = await needs.openCluster(flags);
        const namespace = flags.namespace ?? cluster.namespace;
        await work({ job, namespace, flags, cluster, kubectlOptions: kubectlOptionsOf(flags) });
      };
      ended(await unlessStopped(stop, opened));
    });

  interface StatusFlags extends JobFlags, Pick<StatusOptions, 'verbose' | 'watch'> {
    readonly output: StatusOptions['output'];
  }
  aboutJob<StatusFlags>(
    'status',
    'one page about a job: progress, teachers, streams, events, what is wrong',
    async (work) => {
      const { status } = await import('./status.js');
      const { terminal, color } = needs;
      await status({ ...work.flags, ...work }, { ...work, terminal, color, clock, stop: stop.signal });
    },
  )
    .option('-w, --watch', 'show it again every two seconds, until Ctrl-C', false)
    .option('-v, --verbose', 'all conditions and events', false)
    .addOption(
      new Option('-o, --output <form>', 'page, json or yaml').choices(['page', 'json', 'yaml']).default('page'),
    )
    .addHelpText(
      'after',
      `\nExamples:\n  $ ${program} status mnist -n team-a\n  $ ${program} status mnist -w\n  $ ${program} status mnist -o json | jq .problems`,
    );

  interface TopFlags extends JobFlags {
    readonly allNamespaces: boolean;
    readonly json: boolean;
  }
  withCluster(
    root
      .command('top')
      .description('who holds which slots: by job and pool, and by node')
      .option('-n, --namespace <name>', "of the jobs (default: that of the kubeconfig's context)")
      .option('-A, --all-namespaces', 'of all namespaces', false),
  )
    .option('--json', 'one JSON object', false)
    .addHelpText('after', `\nExamples:\n  $ ${program} top -n team-a\n  $ ${program} top -A`)
    .action(async (flags: TopFlags) => {
      const work = async (): Promise<void> => {
        const [{ top }, cluster] = await Promise.all([import('./top.js'), needs.openCluster(flags)]);
        const namespace = flags.namespace ?? cluster.namespace;
        await top(
          { json: flags.json, ...(flags.allNamespaces ? {} : { namespace }) },
          { cluster, say, nowMs: nowMs() },
        );
      };
      ended(await unlessStopped(stop, work));
    });

  addPlan(root, needs, ended);

  interface LogsFlags extends JobFlags, Omit<LogsOptions, 'job' | 'namespace' | 'sinceSeconds'> {
    readonly since?: number;
  }
  aboutJob<LogsFlags>('logs', "what a job's student and teachers log, merged by time", async (work) => {
    const { logs } = await import('./logs.js');
    const { since, ...flags } = work.flags;
    const sinceSeconds = since === undefined ? {} : { sinceSeconds: since };
    await logs({ ...flags, ...work, ...sinceSeconds }, { ...work, say, clock, stop: stop.signal });
  })
    .option('-f, --follow', 'wait for further lines, also of processes that start later', false)
    .option('-p, --previous', 'of the containers before the present ones', false)
    .addOption(new Option('--role <role>', 'one kind of process (default: both)').choices(['student', 'teacher']))
    .option('--pool <name>', 'teachers of one pool')
    .option('--tail <lines>', 'last lines of each process (default: all)', positiveInteger)
    .option('--since <time>', 'only the last time, such as 90s, 10m or 2h', secondsOf)
    .addHelpText(
      'after',
      `\nExamples:\n  $ ${program} logs mnist -f\n  $ ${program} logs mnist --role student --tail 50\n  $ ${program} logs mnist --pool gpu --since 10m`,
    );

  aboutJob<JobFlags & { readonly warnings: boolean; readonly json: boolean }>(
    'events',
    'what happened to a job and its processes in the last hour',
    async (work) => {
      const { events } = await import('./events.js');
      await events({ ...work.flags, ...work }, { ...work, say });
    },
  )
    .option('--warnings', 'warnings only', false)
    .option('--json', 'one JSON object a line', false)
    .addHelpText('after', `\nExamples:\n  $ ${program} events mnist\n  $ ${program} events mnist --warnings`);

  for (const [name, suspend, what] of [
    ['suspend', true, 'stop a job at its next checkpoint and free its slots'],
    ['resume', false, 'continue a suspended job from its checkpoint'],
  ] as const) {
    aboutJob<JobFlags>(name, what, async (work) => {
      const { setSuspended } = await import('./change.js');
      await setSuspended(work, suspend, { ...work, say });
    }).addHelpText('after', `\nExample:\n  $ ${program} ${name} mnist -n team-a`);
  }

  interface ScaleFlags extends JobFlags {
    readonly pool?: string;
    readonly max?: number;
    readonly min?: number;
  }
  aboutJob<ScaleFlags>('scale', 'change how many teachers a pool of a job may have', async (work) => {
    const { scale } = await import('./change.js');
    const { pool, max, min } = work.flags;
    if (max === undefined && min === undefined) {
      const { CliError } = await import('../shared/cli-error.js');
      throw new CliError('usage', {
        about: 'distill scale',
        problem: 'nothing is to change',
        remedy: 'give --max, --min or both',
      });
    }
    const { job, namespace } = work;
    await scale(
      {
        job,
        namespace,
        ...(pool === undefined ? {} : { pool }),
        ...(max === undefined ? {} : { most: max }),
        ...(min === undefined ? {} : { least: min }),
      },
      { ...work, say },
    );
  })
    .option('--pool <name>', 'which pool (default: the only one)')
    .option('--max <n>', 'most teachers', wholeNumber)
    .option('--min <n>', 'least teachers', wholeNumber)
    .addHelpText('after', `\nExample:\n  $ ${program} scale mnist --pool gpu --max 8`);

  interface FetchFlags extends JobFlags, BucketChoice {
    readonly output?: string;
    readonly nats?: string;
    readonly force: boolean;
  }
  const fetch = aboutJob<FetchFlags>(
    'fetch',
    'copy the model of a finished job from a cluster, and check its digest',
    async (work) => {
      const [{ fetchJob }, { connectReader }] = await Promise.all([
        import('./fetch.js'),
        import('../../stream/index.js'),
      ]);
      const { cluster, kubectlOptions, job, flags, namespace } = work;
      const { buckets } = needs;
      await fetchJob(
        { output: job, ...flags, namespace, job },
        { jobs: cluster, kubectlOptions, connect: connectReader, buckets, say, stop: stop.signal },
      );
    },
  )
    .option('-o, --output <folder>', 'where the model goes (default: the name of the job)')
    .option(
      '--nats <url>',
      'address of NATS from here, such as nats://127.0.0.1:4222 behind kubectl port-forward (default: the address that pods use)',
    );
  withBucketOptions(fetch)
    .option('--force', 'replace an earlier model in the folder', false)
    .addHelpText('after', `\nExample:\n  $ ${program} fetch mnist -n team-a -o model`);

  aboutJob<JobFlags & { readonly output?: string; readonly operatorNamespace: string }>(
    'support',
    'one archive about a job for a bug report, without Secrets and tokens',
    async (work) => {
      const { support } = await import('./support.js');
      const { output, operatorNamespace } = work.flags;
      await support(
        { ...work, operatorNamespace, ...(output === undefined ? {} : { output }) },
        { ...work, say, nowMs: nowMs() },
      );
    },
  )
    .option('-o, --output <file>', 'the archive (default: distill-support-JOB.tar.gz); a file that exists stays')
    .option('--operator-namespace <name>', 'where the operator runs', 'distillery-system')
    .addHelpText(
      'after',
      `\nIt holds the job, its pods and other objects, events, and the last lines of each log. Secrets are\nnot read, and what looks like a token or a password is removed. Read it before you pass it on: logs may quote your own data.\n\nExample:\n  $ ${program} support mnist -n team-a`,
    );
}

interface PlanFlags extends SettingFlags, ClusterChoice {
  readonly file?: string;
  readonly save?: string;
  readonly json: boolean;
}

function addPlan(root: Command, needs: ClusterNeeds, ended: (ending: Ending) => void): void {
  const { openCluster, readInput, say, nowMs, stop } = needs;
  withCluster(
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
      .option('--limit-min-replicas <limits>', "the operator's limit of minReplicas, such as 4,team-a=32"),
  )
    .option('--json', 'grants as JSON', false)
    .addHelpText(
      'after',
      `\nExamples:\n  $ ${root.name()} plan --reserve nvidia.com/gpu=2\n  $ ${root.name()} plan --save today.json`,
    )
    .action(async (flags: PlanFlags) => {
      const work = async (): Promise<void> => {
        const [{ plan }, { settingsIn }] = await Promise.all([import('./plan.js'), import('./plan-settings.js')]);
        const options = { ...flags, ...settingsIn(flags) };
        const readCluster = async (): Promise<SeenCluster> => (await openCluster(flags)).readCluster();
        await plan(options, { readCluster, readInput, say, nowMs: nowMs() });
      };
      ended(await unlessStopped(stop, work));
    });
}

function withCluster(command: Command): Command {
  return command
    .option('--kubeconfig <file>', 'which kubeconfig (default: as kubectl finds it)')
    .option('--context <name>', 'which of its contexts (default: the current one)');
}

/** The options with which kubectl reaches the same cluster. */
function kubectlOptionsOf({ kubeconfig, context }: ClusterChoice): string[] {
  return [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
  ];
}

/** @throws InvalidArgumentError */
function wholeNumber(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('expected a whole number from 0 to 99999.');
  return Number(text);
}

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 };

/** @throws InvalidArgumentError */
function secondsOf(text: string): number {
  const [, digits = '', unit = ''] = /^([1-9]\d{0,6})(s|m|h|d)$/.exec(text) ?? [];
  if (digits === '') throw new InvalidArgumentError('expected a time such as 90s, 10m or 2h.');
  return Number(digits) * (unitSeconds[unit] ?? 1);
}
