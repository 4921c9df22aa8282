/** `distill report`: one HTML file about a run of this machine, or about a job of a cluster. */
import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { statementOf } from '@distillery/base';
import type { Command } from 'commander';

import { connectReader } from '../../stream/index.js';

import type { ClusterReader } from '../cluster/cluster-reader.js';
import type { BucketChoice, ClusterNeeds } from '../cluster/commands.js';
import { jobReport } from '../cluster/job-html-report.js';
import { isRunning, reportFile, runReport } from '../local/run-report.js';
import { CliError } from '../shared/cli-error.js';
import type { Ending } from '../shared/exit.js';
import { folderNamed } from '../shared/folders.js';
import { withBucketOptions } from '../shared/options.js';
import { type Report, writeReport } from '../shared/report-file.js';
import { unlessStopped } from '../shared/stop.js';

type ReportNeeds = Pick<ClusterNeeds, 'openCluster' | 'buckets' | 'say' | 'nowMs' | 'stop'>;

interface ReportFlags extends BucketChoice {
  readonly output?: string;
  readonly force: boolean;
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly nats?: string;
}

/** @param ended is called with how the command ends */
export function addReportCommand(root: Command, needs: ReportNeeds, ended: (ending: Ending) => void): void {
  const command = root
    .command('report')
    .description('write a report of a run, or of a job of a cluster, as one HTML file')
    .argument('<run|job>', 'folder of a run on this machine; otherwise the name of a DistillJob')
    .option(
      '-o, --output <file>',
      'where it goes; - = standard output (default: report.html in the run, <job>-report.html)',
    )
    .option('--force', 'replace a file that is no report', false)
    .option('-n, --namespace <name>', "the job's namespace (default: that of the kubeconfig's context)")
    .option('--kubeconfig <file>', 'which kubeconfig (default: as kubectl finds it)')
    .option('--context <name>', 'which of its contexts (default: the current one)')
    .option('--nats <url>', 'address of NATS from here, such as nats://127.0.0.1:4222 behind kubectl port-forward');
  withBucketOptions(command)
    .addHelpText(
      'after',
      `\nExamples:\n  $ ${root.name()} report runs/mnist-20261124-101500\n  $ ${root.name()} report mnist -n team-a -o mnist.html`,
    )
    .action(async (name: string, flags: ReportFlags) => {
      ended(await unlessStopped(needs.stop, () => report(name, flags, needs)));
    });
}

async function report(name: string, flags: ReportFlags, needs: ReportNeeds): Promise<void> {
  const { folder, report } = await reportOn(name, flags, needs);
  if (flags.output === '-') {
    needs.say(report.page.trimEnd());
    return;
  }
  const path = flags.output ?? (folder === null ? `${name}-report.html` : join(folder, reportFile));
  if (path.trim() === '') {
    throw new CliError('badInput', {
      about: '--output',
      problem: 'the name of the file is empty',
      remedy: 'name a file',
    });
  }
  writeReport(resolve(path), report.page, { force: flags.force });
  needs.say(`report    ${path}`);
  needs.say(`state     ${report.says}`);
  for (const sentence of report.missing) needs.say(`missing   ${sentence}`);
}

/** @returns the folder of a run; null for a job of a cluster @throws CliError, StreamError */
async function reportOn(
  name: string,
  flags: ReportFlags,
  needs: ReportNeeds,
): Promise<{ readonly folder: string | null; readonly report: Report }> {
  const { namespace, kubeconfig, context, nats } = flags;
  const namesCluster = [namespace, kubeconfig, context, nats].some((flag) => flag !== undefined);
  const folder = folderNamed('distill report', name);
  if (!namesCluster && existsSync(folder)) {
    return { folder, report: runReport(folder, name, { nowMs: needs.nowMs(), isRunning: isRunning(folder) }) };
  }
  if (!isJobName(name)) {
    throw new CliError('badInput', {
      about: `run ${name}`,
      problem: namesCluster ? 'that is not the name of a job' : 'there is no such folder',
      remedy: namesCluster ? 'name a DistillJob' : 'check the path; `ls runs` shows the runs of this folder',
    });
  }
  const cluster = await opened(name, namesCluster, flags, needs);
  const made = await jobReport(
    { ...flags, job: name },
    { cluster, connect: connectReader, buckets: needs.buckets, nowMs: needs.nowMs(), stop: needs.stop.signal },
  );
  if (made !== null) return { folder: null, report: made };
  throw new CliError('badInput', {
    about: `job ${namespace ?? cluster.namespace}/${name}`,
    problem: `there is no such DistillJob${namesCluster ? '' : ', and no folder of that name here'}`,
    remedy: 'check the name, and the namespace with --namespace',
  });
}

/** @throws CliError, which also says that there is no folder of the name */
async function opened(
  name: string,
  namesCluster: boolean,
  flags: ReportFlags,
  { openCluster }: ReportNeeds,
): Promise<ClusterReader> {
  try {
    return await openCluster(flags);
  } catch (error) {
    if (namesCluster || !(error instanceof CliError)) throw error;
    throw new CliError(
      error.reason,
      {
        about: `run ${name}`,
        problem: `there is no such folder, and no cluster to ask for a job of that name (${statementOf(error.fault)})`,
        remedy: 'check the path, or name a cluster with --kubeconfig',
      },
      { cause: error },
    );
  }
}

/** As the API server checks the names of objects. */
function isJobName(name: string): boolean {
  return name.length <= 253 && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(name);
}
