/**
 * Gets a nats-server once, so that no test waits for an installation, then runs the test suites and ends with the line
 * `N passed, N failed[, N skipped]`. Arguments go to jest: `npm test -- test/unit` runs one folder,
 * `npm test -- -t 'pattern'` some tests. Runs after a build.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { cacheFolderOf, findNatsServer } from '../dist/src/stream/index.js';

const root = join(import.meta.dirname, '..');
const cache = join(root, '.cache');
const resultFile = join(cache, 'test-results.json');
mkdirSync(cache, { recursive: true });
rmSync(resultFile, { force: true });

await findNatsServer({
  url: undefined,
  path: process.env.PATH ?? '',
  cacheFolder: cacheFolderOf(process.env, homedir()),
  platform: process.platform,
  arch: process.arch,
  environment: process.env,
  progress: (line) => void process.stderr.write(`${line}\n`),
});

const jest = spawnSync(
  process.execPath,
  [
    '--experimental-vm-modules',
    '--disable-warning=ExperimentalWarning',
    join(root, 'node_modules/jest/bin/jest.js'),
    '--json',
    `--outputFile=${resultFile}`,
    '--maxWorkers=2',
    ...process.argv.slice(2),
  ],
  { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] },
);

interface Results {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numFailedTestSuites: number;
  readonly numRuntimeErrorTestSuites: number;
}

let results: Results;
try {
  results = JSON.parse(readFileSync(resultFile, 'utf8')) as Results;
} catch {
  process.stderr.write(`jest left no results; it ended with ${String(jest.status ?? jest.signal)}\n`);
  process.exit(1);
}
const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
const skipped = results.numPendingTests > 0 ? `, ${String(results.numPendingTests)} skipped` : '';
process.stdout.write(`${String(results.numPassedTests)} passed, ${String(failed)} failed${skipped}\n`);
process.exit(jest.status === 0 && failed === 0 && results.numPassedTests > 0 ? 0 : 1);
