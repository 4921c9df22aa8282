#!/usr/bin/env node
/**
 * Starts the `distill` command. First it listens for signals and checks the release of Node.js. The command is imported
 * after that, because its libraries fail on an old release with a stack, before any line of ours runs.
 */
import { homedir } from 'node:os';
import { setImmediate } from 'node:timers/promises';

import { exitCodes } from './shared/exit.js';
import { nodeProblem } from './shared/node-version.js';
import { Stop } from './shared/stop.js';

/** No await at the top level: the program of one file (scripts/single-file) is a script, which has none. */
async function start(): Promise<void> {
  const stop = Stop.listen(process, () => Date.now());
  const problem = nodeProblem(process.versions.node);
  if (problem !== null) {
    process.stderr.write(`distill: ${problem}\n`);
    process.exitCode = exitCodes.unavailable;
    return;
  }
  const { keepCompiled } = await import('./shared/compile-cache.js');
  keepCompiled(process.env, homedir);
  const { runCommand } = await import('./command.js');
  // A signal that arrived while modules were loaded is delivered here, before anything is done.
  await setImmediate();
  await runCommand(stop);
}

void start();
