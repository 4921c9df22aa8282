/**
 * The composition root of `distill`: the process, its streams, time and the environment enter here. What only some commands
 * need is imported when one of them runs, so that the others start at once (docs/adr/0055).
 */
import { homedir } from 'node:os';
import { delimiter } from 'node:path';
import { isSea } from 'node:sea';

import { systemClock } from '@distillery/platform';
import { CommanderError } from 'commander';

import type { ClusterNeeds } from './cluster/commands.js';
import { program, type ProgramNeeds } from './program.js';
import { exitCodes } from './shared/exit.js';
import { StandardOutput } from './shared/standard-output.js';
import type { Stop } from './shared/stop.js';
import { readShellConfig, type ShellConfig } from './shell-config.js';

/** Runs the command that the arguments name, and sets the exit code of this process. */
export async function runCommand(stop: Stop): Promise<void> {
  const config = readShellConfig(process.env);
  const output = new StandardOutput(process, stop, config.dumbTerminal);
  process.exitCode = exitCodes.failed;
  stop.begin();
  try {
    const ending = await program(needsOf(config, output, stop), process.argv);
    process.exitCode = output.exitCodeAfter(exitCodes[ending]);
  } catch (error) {
    process.exitCode = await exitCodeAfter(error, config);
  }
  // Everything that must end has ended. An abandoned connection may linger, such as one to a proxy that never answers.
  if (stop.signal.aborted) process.exit();
}

function needsOf(config: ShellConfig, output: StandardOutput, stop: Stop): ProgramNeeds {
  const common = {
    terminal: output,
    say: (line: string) => output.say(line),
    readInput: async (path: string) => {
      const { readInput } = await import('./shared/input.js');
      return readInput(path, { stdin: process.stdin, stop });
    },
    clock: systemClock,
    stop,
    person: process.stdin.isTTY && output.isTTY ? { input: process.stdin, output } : null,
  };
  return {
    ...common,
    nowMs: () => systemClock.now(),
    color: config.color && output.isTTY,
    isSingleFile: isSea(),
    hasWorkingFolder: hasWorkingFolder(),
    local: async () => ({ ...common, ...(await import('./local-needs.js')).localNeeds(stop) }),
    openCluster: clusterOpener(config, stop),
    buckets: isSea() ? null : async () => (await import('./bucket-needs.js')).bucketNeeds(),
  };
}

async function exitCodeAfter(error: unknown, { faults }: ShellConfig): Promise<number> {
  // Help, version and usage errors: commander printed them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  const { exitCodeOf } = await import('./shared/exit-code.js');
  return exitCodeOf(error, faults, (text) => void process.stderr.write(text));
}

function clusterOpener({ kubeconfig: variable, pod }: ShellConfig, stop: Stop): ClusterNeeds['openCluster'] {
  return async ({ kubeconfig, context }) => {
    const [{ openCluster }, { kubeconfigFiles }] = await Promise.all([
      import('./cluster/cluster-reader.js'),
      import('../cluster/kubernetes/index.js'),
    ]);
    const files =
      kubeconfig === undefined
        ? kubeconfigFiles(variable, delimiter, homedir)
        : ({ kind: 'one', path: kubeconfig } as const);
    return openCluster({ files, context, pod, stop: stop.signal });
  };
}

function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}
