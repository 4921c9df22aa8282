/** Options and help of the commands that ask a cluster: `distill fetch` and `distill plan`. */
import type { Command } from 'commander';

import { connectReader } from '../../stream/index.js';

import type { Ending } from '../shared/exit.js';
import { helpAfter } from '../shared/options.js';
import type { ReadInput } from '../shared/input.js';
import { type StopRequest, unlessStopped } from '../shared/stop.js';

import type { ClusterReader } from './cluster-reader.js';
import type { SeenCluster } from './cluster-snapshot.js';
import { fetchJob } from './fetch.js';
import { plan } from './plan.js';
import { type SettingFlags, settingsIn } from './plan-settings.js';

/** Which cluster; absent = the one that kubectl would use. */
export interface ClusterChoice {
  readonly kubeconfig?: string;
  readonly context?: string;
}

export interface ClusterNeeds {
  /** @throws CliError when the kubeconfig cannot be used */
  readonly openCluster: (choice: ClusterChoice) => Promise<ClusterReader>;
  readonly readInput: ReadInput;
  readonly say: (line: string) => void;
  readonly nowMs: () => number;
  readonly stop: StopRequest;
}

interface FetchFlags extends ClusterChoice {
  readonly output?: string;
  readonly namespace?: string;
  readonly nats?: string;
  readonly force: boolean;
}

interface PlanFlags extends SettingFlags, ClusterChoice {
  readonly file?: string;
  readonly save?: string;
  readonly json: boolean;
}

/** @param ended is called with how the command ends */
export function addClusterCommands(root: Command, needs: ClusterNeeds, ended: (ending: Ending) => void): void {
  const { openCluster, readInput, say, nowMs, stop } = needs;
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
    .addHelpText('after', helpAfter)
    .action(async (job: string, flags: FetchFlags) => {
      const work = async (): Promise<void> => {
        const cluster = await openCluster(flags);
        const kubectlOptions = kubectlOptionsOf(flags);
        await fetchJob(
          { output: job, ...flags, job },
          { jobs: cluster, kubectlOptions, connect: connectReader, say, stop: stop.signal },
        );
      };
      ended(await unlessStopped(stop, work));
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
    .action(async (flags: PlanFlags) => {
      const work = async (): Promise<void> => {
        const options = { ...flags, ...settingsIn(flags) };
        const readCluster = async (): Promise<SeenCluster> => (await openCluster(flags)).readCluster();
        await plan(options, { readCluster, readInput, say, nowMs: nowMs() });
      };
      ended(await unlessStopped(stop, work));
    });
}

/** The options with which kubectl reaches the same cluster. */
function kubectlOptionsOf({ kubeconfig, context }: ClusterChoice): string[] {
  return [
    ...(kubeconfig === undefined ? [] : ['--kubeconfig', kubeconfig]),
    ...(context === undefined ? [] : ['--context', context]),
  ];
}
