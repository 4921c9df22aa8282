#!/usr/bin/env node
/**
 * Starts the `distill` command once signals are listened for and Node.js is known to be new enough. The command is imported
 * afterwards: on an old release its libraries end in a stack before a line of ours runs.
 */
import { setImmediate } from 'node:timers/promises';

import { exitCodes } from './shared/exit.js';
import { nodeProblem } from './shared/node-version.js';
import { Stop } from './shared/stop.js';

const stop = Stop.listen(process, () => Date.now());
const problem = nodeProblem(process.versions.node);
if (problem === null) {
  const { runCommand } = await import('./command.js');
  // A signal that came while modules were loaded is heard at the next turn of the event loop: now, before anything is done.
  await setImmediate();
  await runCommand(stop);
} else {
  process.stderr.write(`distill: ${problem}\n`);
  process.exitCode = exitCodes.unavailable;
}
