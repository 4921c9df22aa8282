/** Waits for a condition instead of a fixed time. */
import { setTimeout as sleep } from 'node:timers/promises';

import { patienceMs } from './patience.js';

const askEveryMs = 50;

/** @throws Error that names the condition that never held, with the last state if `describe` gives it */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  describe: () => string | Promise<string> = () => '',
  limitMs = patienceMs,
): Promise<void> {
  const end = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > end) {
      throw new Error(`not within ${String(limitMs / 1_000)} s: ${what}\n${await describe()}`);
    }
    await sleep(askEveryMs);
  }
}
