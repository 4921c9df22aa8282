/** The `distill` command: a composition root. Time, randomness, the environment and signals enter here. */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { delimiter } from 'node:path';
import { fileURLToPath } from 'node:url';

import type { Clock } from '@distillery/base';

import { kubeconfigFiles } from '../cluster/kubernetes/index.js';
import { readConfig } from '../config.js';
import { cacheFolderOf, findNatsServer } from '../stream/index.js';
import { fileLog } from '../telemetry/index.js';

import type { EngineContext } from './context.js';
import { exitCodes } from './exit.js';
import { exitCodeOf, program } from './program.js';
import { systemClock } from './system-clock.js';

const clock: Clock = systemClock();
const config = readConfig(process.env);

const stop = new AbortController();
let stopEnding: 'interrupted' | 'terminated' | 'outputClosed' | 'storage' = 'interrupted';
/** One Ctrl-C may come twice at once: from the terminal to every process, and passed on by npm or `timeout`. */
const sameRequestMs = 200;
let stoppedAtMs = 0;
function stopBecause(ending: typeof stopEnding): void {
  if (stop.signal.aborted) {
    if (clock.now() - stoppedAtMs < sameRequestMs) return;
    // Asked twice: the person does not want to wait. Workers and server notice that their owner is gone.
    process.exit(exitCodes[ending]);
  }
  stoppedAtMs = clock.now();
  stopEnding = ending;
  stop.abort();
}
process.on('SIGINT', () => stopBecause('interrupted'));
process.on('SIGTERM', () => stopBecause('terminated'));
process.on('SIGHUP', () => stopBecause('terminated'));

/**
 * `lost` when it cannot be written, as a file on a full disk; `closed` when its reader ended (`distill run … | head -1`).
 * Either stops the command as cleanly as Ctrl-C, and nothing more is written.
 */
let outputState: 'open' | 'closed' | 'lost' = 'open';
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (outputState !== 'open') return;
  if (error.code === 'EPIPE') {
    outputState = 'closed';
    stopBecause('outputClosed');
    return;
  }
  outputState = 'lost';
  process.stderr.write(
    `standard output: it cannot be written (${error.message}). Free some space or send it elsewhere; ` +
      'a run that was stopped by this goes on with --resume.\n',
  );
  stopBecause('storage');
  // The command may have ended before its last words were refused.
  endWith(process.exitCode);
});
process.stderr.on('error', () => undefined);

/** A command whose output is lost did not do its work. */
function endWith(code: typeof process.exitCode): void {
  process.exitCode = code === exitCodes.ok && outputState === 'lost' ? exitCodes.storage : code;
}

function hasWorkingFolder(): boolean {
  try {
    process.cwd();
    return true;
  } catch {
    return false;
  }
}

const script = (path: string): string => fileURLToPath(new URL(`../../workers/${path}`, import.meta.url));

const context: EngineContext = {
  terminal: {
    isTTY: process.stdout.isTTY && !config.dumbTerminal,
    get columns() {
      return process.stdout.columns;
    },
    write: (text) => outputState === 'open' && process.stdout.write(text),
  },
  stdin: process.stdin,
  command: config.throughNpm ? 'npm run distill --' : 'distill',
  clock,
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
    const { kubeReader } = await import('./kube-reader.js');
    const files =
      kubeconfig === undefined
        ? kubeconfigFiles(config.kubeconfig, delimiter, homedir)
        : ({ kind: 'one', path: kubeconfig } as const);
    return kubeReader({ files, context, stop: stop.signal });
  },
  stop: stop.signal,
  stopEnding: () => stopEnding,
};

process.exitCode = exitCodes.failed;
try {
  const ending = await program(context, process.argv);
  endWith(exitCodes[ending]);
} catch (error) {
  process.exitCode = exitCodeOf(error, config.faults, (text) => void process.stderr.write(text));
}
// Everything that has to end has ended. A connection that was given up may linger, as one to a proxy that says nothing.
if (stop.signal.aborted) process.exit();
