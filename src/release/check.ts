/**
 * The check that `helm test` runs: waits until a replica of the operator is ready and prints what it depends on.
 *
 *   node dist/src/release/check.js URL SECONDS
 *
 * Exit codes: 0 ready; 1 not ready within that time: prints the last answer, or why there was none; 2 the call is wrong.
 */
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

import { printable, reasonOf } from '@distillery/base';

const [url = '', seconds = ''] = process.argv.slice(2);
const betweenMs = 2_000;
const answerMs = 10_000;
/** A page of /readyz is some lines long. */
const longestAnswer = 16_384;

/** The page, and whether it says that the operator is ready. */
async function readiness(): Promise<{ readonly ready: boolean; readonly page: string }> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(answerMs) });
    return { ready: answer.status === 200, page: (await answer.text()).slice(0, longestAnswer) };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const remedy = 'No replica is ready, or a NetworkPolicy keeps this pod away. See the log of the operator.';
    return { ready: false, page: `${url}: ${reasonOf(cause)}. ${remedy}` };
  }
}

async function main(): Promise<number> {
  if (!/^http:\/\/./.test(url) || !/^\d{1,4}$/.test(seconds)) {
    process.stderr.write('usage: check.js URL SECONDS, such as http://distillery-metrics:8080/readyz 120\n');
    return 2;
  }
  const end = performance.now() + Number(seconds) * 1_000;
  for (;;) {
    const { ready, page } = await readiness();
    if (ready || performance.now() >= end) {
      const lines = page.trimEnd().split('\n').map(printable);
      process.stdout.write(`${lines.join('\n')}\n${ready ? 'The operator is ready.' : 'The operator is not ready.'}\n`);
      return ready ? 0 : 1;
    }
    await sleep(betweenMs);
  }
}

process.exitCode = await main();
