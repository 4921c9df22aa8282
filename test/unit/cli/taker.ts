/**
 * A process that resumes a run at the moment that a file appears, and then holds it. Parameters: RUN SIGNAL. Prints `ready`,
 * then `taken` or `refused`.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { CliError } from '../../../src/cli/exit.js';
import { RunFolder } from '../../../src/cli/run-folder.js';

const [run = '', signal = ''] = process.argv.slice(2);
process.stdout.write('ready\n');
// Spins, so that all takers go in the same instant.
while (!existsSync(signal));
try {
  RunFolder.resume(run, process.pid);
  process.stdout.write('taken\n');
} catch (error) {
  process.stdout.write(error instanceof CliError && error.reason === 'badInput' ? 'refused\n' : `${String(error)}\n`);
}
await sleep(60_000);
