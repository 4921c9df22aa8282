/**
 * The check that `helm test` runs: waits until a replica of the operator is ready, for half a minute also until nothing is
 * degraded, and prints what it depends on.
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
/** How long a ready operator may lack a part, such as its NATS server, which starts beside it. */
const partMs = 30_000;
/** A page of /readyz is some lines long. */
const longestAnswer = 16_384;

interface Readiness {
  readonly ready: boolean;
  /** Nothing is degraded: no line of the page starts with [~]. */
  readonly whole: boolean;
  readonly page: string;
}

/** What the page says. */
async function readiness(): Promise<Readiness> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(answerMs) });
    const page = (await answer.text()).slice(0, longestAnswer);
    return { ready: answer.status === 200, whole: !/^\[~\]/m.test(page), page };
  } catch (error) {
    const cause = error instanceof Error ? (error.cause ?? error) : error;
    const remedy = 'No replica is ready, or a NetworkPolicy keeps this pod away. See the log of the operator.';
    return { ready: false, whole: false, page: `${url}: ${reasonOf(cause)}. ${remedy}` };
  }
}

async function main(): Promise<number> {
  if (!/^http:\/\/./.test(url) || !/^\d{1,4}$/.test(seconds)) {
    process.stderr.write('usage: check.js URL SECONDS, such as http://distillery-metrics:8080/readyz 120\n');
    return 2;
  }
  const begun = performance.now();
  const endMs = Number(seconds) * 1_000;
  for (;;) {
    const { ready, whole, page } = await readiness();
    const sinceMs = performance.now() - begun;
    if ((ready && (whole || sinceMs >= partMs)) || sinceMs >= endMs) {
      const lines = page.trimEnd().split('\n').map(printable);
      process.stdout.write(`${lines.join('\n')}\n${ready ? 'The operator is ready.' : 'The operator is not ready.'}\n`);
      return ready ? 0 : 1;
    }
    await sleep(betweenMs);
  }
}

process.exitCode = await main();
