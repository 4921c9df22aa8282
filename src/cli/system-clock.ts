/** The machine's clock, for composition roots. */
import { setTimeout as delay } from 'node:timers/promises';

import type { Clock } from '@distillery/base';

export function systemClock(): Clock {
  return {
    now: () => Date.now(),
    sleep: async (ms, signal) => {
      // An abort ends the wait; that is no error for whoever waits.
      await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
    },
  };
}
