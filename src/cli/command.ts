/** The `distill` command: a composition root. Time, randomness and the environment enter here. */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

import { systemClock } from '@distillery/platform';

import { kubeconfigFiles } from '../cluster/kubernetes/index.js';
import { readConfig } from './config.js';
import { cacheFolderOf, findNatsServer } from '../stream/index.js';
import { fileLog } from '../telemetry/index.js';

import type { EngineContext } from './context.js';
import { exitCodes } from './shared/exit.js';
import { exitCodeOf, program } from './program.js';
import { ownCommand } from './shared/own-command.js';
import type { Stop } from './shared/stop.js';

function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}

const script = (path: string): string => fileURLToPath(new URL(`../../workers/${path}`, import.meta.url));

/** Runs the command that the arguments name, and sets the exit code of this process. */
export async function runCommand(stop: Stop): Promise<void> {
  const config = readConfig(process.env);

  /**
   * `lost` when it cannot be written, as a file on a full disk; `closed` when its reader ended (`distill run … | head -1`).
   * Either stops the command as cleanly as Ctrl-C, and nothing more is written.
   */
  let outputState: 'open' | 'closed' | 'lost' = 'open';
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (outputState !== 'open') return;
    if (error.code === 'EPIPE') {
      outputState = 'closed';
      stop.because('outputClosed');
      return;
    }
    outputState = 'lost';
    process.stderr.write(
      `standard output: it cannot be written (${error.message}). Free some space or send it elsewhere; ` +
        'resume a run that this stopped with --resume FOLDER.\n',
    );
    stop.because('storage');
    // The command may have ended before its last words were refused.
    endWith(process.exitCode);
  });
  process.stderr.on('error', () => undefined);

  /** A command whose output is lost did not do its work. */
  function endWith(code: typeof process.exitCode): void {
    process.exitCode = code === exitCodes.ok && outputState === 'lost' ? exitCodes.storage : code;
  }

  const context: EngineContext = {
    terminal: {
      isTTY: process.stdout.isTTY && !config.dumbTerminal,
      get columns() {
        return process.stdout.columns;
      },
      write: (text) => outputState === 'open' && process.stdout.write(text),
    },
    stdin: process.stdin,
    command: ownCommand({
      startedBy: config.startedBy,
      path: config.path,
      node: process.execPath,
      script: process.argv[1] ?? 'distill',
    }),
    clock: systemClock,
    hasWorkingFolder: hasWorkingFolder(),
    pid: process.pid,
    cores: config.cores,
    newUid: randomUUID,
    scripts: {
      teacher: script('teacher/main.js'),
      student: script('student/main.js'),
      evaluate: script('teacher/evaluate.js'),
    },
    environment: config.workerEnvironment,
    openLog: fileLog,
    findNats: (progress) =>
      findNatsServer({
        url: config.natsUrl,
        path: config.path,
        cacheFolder: cacheFolderOf(process.env, homedir),
        platform: process.platform,
        arch: process.arch,
        environment: process.env,
        progress,
        stop: stop.signal,
      }),
    openJobs: async ({ kubeconfig, context }) => {
      // Only two commands need it, and it takes most of a second to load.
      const { kubeReader } = await import('./cluster/kube-reader.js');
      const files =
        kubeconfig === undefined
          ? kubeconfigFiles(config.kubeconfig, delimiter, homedir)
          : ({ kind: 'one', path: kubeconfig } as const);
      return kubeReader({ files, context, stop: stop.signal });
    },
    stop: stop.signal,
    stopEnding: () => stop.ending,
  };

  process.exitCode = exitCodes.failed;
  stop.begin();
  try {
    const ending = await program(context, process.argv);
    endWith(exitCodes[ending]);
  } catch (error) {
    process.exitCode = exitCodeOf(error, config.faults, (text) => void process.stderr.write(text));
  }
  // Everything that has to end has ended. A connection that was given up may linger, as one to a proxy that says nothing.
  if (stop.signal.aborted) process.exit();
}
