/**
 * Resumes a run as soon as a file appears, and holds it. Parameters: RUN SIGNAL. Prints `ready`, then `taken` or `refused`.
 */
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { RunFolder } from '../../../../src/cli/local/run-folder.js';

const [run = '', signal = ''] = process.argv.slice(2);
process.stdout.write('ready\n');
// Spins, so that all takers start in the same instant.
while (!existsSync(signal));
try {
  RunFolder.resume(run, process.pid);
  process.stdout.write('taken\n');
} catch (error) {
  process.stdout.write(error instanceof CliError && error.reason === 'badInput' ? 'refused\n' : `${String(error)}\n`);
}
await sleep(60_000);
