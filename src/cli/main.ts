#!/usr/bin/env node
/**
 * Starts the `distill` command once Node.js is known to be new enough. The command is imported afterwards: on an old release
 * its libraries end in a stack before a line of ours runs.
 */
import { exitCodes } from './exit.js';
import { nodeProblem } from './node-version.js';

const problem = nodeProblem(process.versions.node);
if (problem === null) await import('./command.js');
else {
  process.stderr.write(`distill: ${problem}\n`);
  process.exitCode = exitCodes.unavailable;
}
