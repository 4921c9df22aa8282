/** Waiting for a condition instead of for luck. */
import { setTimeout as sleep } from 'node:timers/promises';

const askEveryMs = 50;

/** @throws Error naming what never came, with what was seen last when `describe` says it */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  limitMs = 60_000,
  describe: () => string | Promise<string> = () => '',
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new Error(`not within ${String(limitMs / 1_000)} s: ${what}\n${await describe()}`);
    }
    await sleep(askEveryMs);
  }
}
