#!/usr/bin/env node
/** The `distill` command: a composition root. Time, randomness, the environment and signals enter here. */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';

import { readConfig } from '../config.js';
import type { Clock } from '../lib/clock.js';
import { cacheFolderOf, findNatsServer } from '../stream/index.js';
import { fileLog } from '../telemetry/index.js';

import type { EngineContext } from './context.js';
import { exitCodes } from './exit.js';
import { exitCodeOf, program } from './program.js';
import { systemClock } from './system-clock.js';

const clock: Clock = systemClock();
const config = readConfig(process.env);

const stop = new AbortController();
let stopEnding: 'interrupted' | 'terminated' | 'outputClosed' = 'interrupted';
function stopBecause(ending: typeof stopEnding): void {
  // Asked twice: the person does not want to wait. Workers and server notice that their owner is gone.
  if (stop.signal.aborted) process.exit(exitCodes[ending]);
  stopEnding = ending;
  stop.abort();
}
process.on('SIGINT', () => stopBecause('interrupted'));
process.on('SIGTERM', () => stopBecause('terminated'));
process.on('SIGHUP', () => stopBecause('terminated'));

/** Nobody reads any more (`distill run … | head -1`): stop as cleanly as for Ctrl-C, and write nothing more. */
let outputOpen = true;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (!outputOpen) return;
  outputOpen = false;
  stopBecause('outputClosed');
});
process.stderr.on('error', () => undefined);

const script = (path: string): string => fileURLToPath(new URL(`../../workers/${path}`, import.meta.url));

const context: EngineContext = {
  terminal: {
    isTTY: process.stdout.isTTY && !config.dumbTerminal,
    get columns() {
      return process.stdout.columns;
    },
    write: (text) => outputOpen && process.stdout.write(text),
  },
  stdin: process.stdin,
  command: config.throughNpm ? 'npm run distill --' : 'distill',
  clock,
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
      cacheFolder: cacheFolderOf(process.env, homedir()),
      platform: process.platform,
      arch: process.arch,
      environment: process.env,
      progress,
    }),
  openJobs: async (options) => {
    // Only one command needs it, and it takes most of a second to load.
    const { kubeReader } = await import('./kube-reader.js');
    return kubeReader({ ...options, stop: stop.signal });
  },
  stop: stop.signal,
  stopEnding: () => stopEnding,
};

process.exitCode = exitCodes.failed;
try {
  const ending = await program(context, process.argv);
  process.exitCode = exitCodes[ending];
} catch (error) {
  process.exitCode = exitCodeOf(error, (text) => void process.stderr.write(text));
}
