/** The composition root of `distill`: the process, its streams, time, randomness and the environment enter here. */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemClock } from '@distillery/platform';

import { kubeconfigFiles } from '../cluster/kubernetes/index.js';
import { findNatsServer } from '../stream/index.js';
import { fileLog } from '../telemetry/index.js';

import { openCluster } from './cluster/cluster-reader.js';
import type { ClusterNeeds } from './cluster/commands.js';
import { type Config, readConfig } from './config.js';
import { machineFacts } from './local/commands.js';
import { program, type ProgramNeeds } from './program.js';
import { exitCodeOf } from './shared/exit-code.js';
import { exitCodes } from './shared/exit.js';
import { readInput } from './shared/input.js';
import { ownCommand } from './shared/own-command.js';
import { StandardOutput } from './shared/standard-output.js';
import type { Stop } from './shared/stop.js';

/** Runs the command that the arguments name, and sets the exit code of this process. */
export async function runCommand(stop: Stop): Promise<void> {
  const config = readConfig(process.env, homedir);
  const output = new StandardOutput(process, stop, config.dumbTerminal);
  process.exitCode = exitCodes.failed;
  stop.begin();
  try {
    const ending = await program(
      {
        ...runTools(config, stop),
        terminal: output,
        say: (line) => output.say(line),
        readInput: (path) => readInput(path, { stdin: process.stdin, stop }),
        machine: () => machineFacts(config.installEnvironment, config.cacheFolder),
        clock: systemClock,
        nowMs: () => systemClock.now(),
        stop,
        hasWorkingFolder: hasWorkingFolder(),
        person: process.stdin.isTTY && output.isTTY ? { input: process.stdin, output } : null,
        openCluster: clusterOpener(config, stop),
      },
      process.argv,
    );
    process.exitCode = output.exitCodeAfter(exitCodes[ending]);
  } catch (error) {
    process.exitCode = exitCodeOf(error, config.faults, (text) => void process.stderr.write(text));
  }
  // Everything that must end has ended. An abandoned connection may linger, such as one to a proxy that never answers.
  if (stop.signal.aborted) process.exit();
}

type RunTools = Pick<
  ProgramNeeds,
  'pid' | 'newUid' | 'cores' | 'command' | 'scripts' | 'environment' | 'remote' | 'openLog' | 'findNats'
>;

function runTools(config: Config, stop: Stop): RunTools {
  return {
    pid: process.pid,
    newUid: randomUUID,
    cores: config.cores,
    command: ownCommand({
      startedBy: config.startedBy,
      path: config.path,
      node: process.execPath,
      script: process.argv[1] ?? 'distill',
    }),
    scripts: {
      teacher: workerScript('teacher/main.js'),
      student: workerScript('student/main.js'),
      evaluate: workerScript('teacher/evaluate.js'),
      baseline: workerScript('student/baseline.js'),
      init: workerScript('init/main.js'),
    },
    environment: config.workerEnvironment,
    remote: config.remote,
    openLog: fileLog,
    findNats: (progress) =>
      findNatsServer({
        url: config.natsUrl,
        path: config.path,
        cacheFolder: config.cacheFolder,
        platform: process.platform,
        arch: process.arch,
        environment: config.installEnvironment,
        progress,
        stop: stop.signal,
        nowMs: systemClock.now(),
      }),
  };
}

function clusterOpener({ kubeconfig: variable, pod }: Config, stop: Stop): ClusterNeeds['openCluster'] {
  return async ({ kubeconfig, context }) => {
    const files =
      kubeconfig === undefined
        ? kubeconfigFiles(variable, delimiter, homedir)
        : ({ kind: 'one', path: kubeconfig } as const);
    return openCluster({ files, context, pod, stop: stop.signal });
  };
}

function workerScript(path: string): string {
  return fileURLToPath(new URL(`../../workers/${path}`, import.meta.url));
}

function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}
