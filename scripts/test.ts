/**
 * Runs the test suites and ends with the line `N passed, N failed[, N skipped]`. Arguments go to jest: `npm test --
 * test/unit` runs one folder, `npm test -- -t 'pattern'` some tests. Runs after a build.
 *
 * The chosen tests run in two parts in parallel: those without a cluster, and the suites of test/cluster as soon as the
 * programs of clusters are built (minutes with an empty cache). The suites of clusters mostly wait.
 */
import { execFile, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

import { quietLibraries } from '@distillery/protocol';

import { cacheFolderOf } from '../dist/src/cli/shared/cache-folder.js';
import { findNatsServer } from '../dist/src/stream/index.js';
import {
  buildTools,
  dashboardTools,
  kueueTools,
  monitorTools,
  prometheusTools,
} from '../dist/test/kit/cluster/tools.js';
import { comeSecond } from '../dist/test/kit/second.js';

import { buildNative } from './native/build.ts';

const root = join(import.meta.dirname, '..');
const cache = join(root, '.cache');
const clusterSuites = join(root, 'test/cluster/');
const kueueSuite = join(clusterSuites, 'operator/kueue.test.ts');
const monitoringSuites = join(root, 'test/cluster/monitoring/');
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const jestCommand = [
  '--experimental-vm-modules',
  '--disable-warning=ExperimentalWarning',
  join(root, 'node_modules/jest/bin/jest.js'),
];

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

interface Results {
  readonly success: boolean;
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numRuntimeErrorTestSuites: number;
}

/**
 * @param isSecond its processes have less priority than tests of clusters
 * @returns what jest counted; a run that left no results, or failed without a failed test, counts as one failure
 */
async function jest(name: string, args: readonly string[], isSecond = false): Promise<Counts> {
  const resultFile = join(cache, `test-results-${name}.json`);
  rmSync(resultFile, { force: true });
  const child = spawn(process.execPath, [...jestCommand, '--json', `--outputFile=${resultFile}`, ...args], {
    cwd: root,
    stdio: ['ignore', 'ignore', 'inherit'],
    // Tests also load native libraries into jest's own process.
    env: {
      ...process.env,
      ...quietLibraries,
      // The servers of Kubernetes live for a minute: their heaps may grow, and they collect garbage less often.
      GOGC: process.env.GOGC ?? '400',
      // The other tests compute alike on every machine; those of the runtime `native` pass its folder on.
      DISTILL_NATIVE_FOLDER: 'none',
      DISTILLERY_TEST_NATIVE: nativeFolder ?? '',
    },
  });
  if (child.pid !== undefined && isSecond) comeSecond(child.pid);
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const over = new AbortController();
  const hangs = hangsAfter(resultFile, over.signal);
  const status = await Promise.race([ended, hangs]);
  over.abort();
  if (status === 'Hangs') {
    say(`jest ${name}: has its results and does not end; it is killed`);
    child.kill('SIGKILL');
  }
  const results = resultsIn(resultFile);
  if (results === null) {
    say(`jest left no results; it ended with ${String(status)}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
  const failed = results.numFailedTests + results.numRuntimeErrorTestSuites;
  const isWell = status === 'Hangs' ? results.success : status === 0;
  return {
    passed: results.numPassedTests,
    failed: failed === 0 && !isWell ? 1 : failed,
    skipped: results.numPendingTests,
  };
}

/**
 * Resolves if jest's process does not end after it has written its results. Node 24 may loop forever at the end of a
 * process, in the cleanup of native add-ons (seen once, in libuv's loop below FreeEnvironment).
 */
async function hangsAfter(resultFile: string, over: AbortSignal): Promise<'Hangs'> {
  const endsWithinMs = 60_000;
  for (let sinceMs: number | null = null; sinceMs === null || performance.now() - sinceMs < endsWithinMs;) {
    await sleep(1_000, undefined, { signal: over }).catch(() => new Promise(() => undefined));
    if (sinceMs === null && resultsIn(resultFile) !== null) sinceMs = performance.now();
  }
  return 'Hangs';
}

/** Results of a file; null while it is missing or incomplete. */
function resultsIn(file: string): Results | null {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Results;
  } catch {
    return null;
  }
}

/**
 * Paths of the test files that these arguments of jest select; empty when jest fails, which the run itself then reports.
 */
async function chosen(asked: readonly string[]): Promise<string[]> {
  const listing = promisify(execFile)(process.execPath, [...jestCommand, '--listTests', ...asked], { cwd: root });
  const { stdout } = await listing.catch(() => ({ stdout: '' }));
  return stdout.split('\n').filter((line) => line.startsWith(root));
}

async function run(asked: readonly string[]): Promise<Counts[]> {
  const files = await chosen(asked);
  const clusters = files.filter((file) => file.startsWith(clusterSuites)).length;
  const watches = files.some((file) => file.startsWith(monitoringSuites));
  const building = clusters === 0 ? null : buildPrograms(watches).then(() => null, messageOf);
  const parts: Promise<Counts>[] = [];
  // Run jest even without a selected file, so that it reports the error.
  if (files.length > clusters || clusters === 0) {
    parts.push(jest('local', [...asked, '--maxWorkers=2', ...leaveOut('test/cluster/')], building !== null));
  }
  if (building !== null) {
    parts.push(clusterPart(building, asked));
    if (files.includes(kueueSuite)) void building.then(buildKueue);
  }
  return Promise.all(parts);
}

/** Here and not in a hook of a suite: with nothing cached it takes longer than a hook may. */
async function buildPrograms(watches: boolean): Promise<void> {
  await buildTools({ progress: say });
  if (watches) await buildTools({ groups: [prometheusTools, dashboardTools, monitorTools], progress: say });
}

/** Takes longer than a test may. Its suite waits for it, and says what went wrong. */
async function buildKueue(): Promise<void> {
  await buildTools({ groups: [kueueTools], progress: say }).catch(() => undefined);
}

/** @param building resolves to the reason why the programs cannot be built; null = they are built */
async function clusterPart(building: Promise<string | null>, asked: readonly string[]): Promise<Counts> {
  const problem = await building;
  if (problem === null) {
    return jest('cluster', [...asked, '--maxWorkers=2', ...leaveOut('test/(unit|property|integration)/')]);
  }
  say(`the cluster suites cannot run: ${problem}`);
  return { passed: 0, failed: 1, skipped: 0 };
}

function leaveOut(folder: string): string[] {
  return ['/node_modules/', `<rootDir>/${folder}`].map((pattern) => `--testPathIgnorePatterns=${pattern}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

mkdirSync(cache, { recursive: true });
// An installation runs in its own process group: a Ctrl-C reaches it through this signal.
const stop = new AbortController();
const abort = (): void => stop.abort();
process.once('SIGINT', abort).once('SIGTERM', abort);
// Install once here, so that no test waits for an installation.
const machine = {
  cacheFolder: cacheFolderOf(process.env, homedir),
  platform: process.platform,
  arch: process.arch,
  environment: process.env,
  nowMs: Date.now(),
  progress: say,
  stop: stop.signal,
};
await findNatsServer({ ...machine, url: undefined, path: process.env.PATH ?? '' });
/** null where it cannot be built: its tests are then skipped, and counted. */
const nativeFolder = await buildNative({ ...machine, variant: 'cpu' }).catch((error: unknown) => {
  stop.signal.throwIfAborted();
  say(`the tests of the runtime native are skipped: ${messageOf(error)}`);
  return null;
});
process.off('SIGINT', abort).off('SIGTERM', abort);
const parts = await run(process.argv.slice(2));
const sum = (count: (part: Counts) => number): number => parts.reduce((total, part) => total + count(part), 0);
const [passed, failed, skipped] = [sum((part) => part.passed), sum((part) => part.failed), sum((part) => part.skipped)];
const left = skipped > 0 ? `, ${String(skipped)} skipped` : '';
process.stdout.write(`${String(passed)} passed, ${String(failed)} failed${left}\n`);
process.exit(failed === 0 && passed > 0 ? 0 : 1);
