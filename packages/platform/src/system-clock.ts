import { setTimeout as delay } from 'node:timers/promises';

import type { Clock } from '@distillery/base';

/** The clock of this machine, for composition roots and tests. An aborted sleep ends early and does not throw. */
export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await delay(ms, undefined, signal === undefined ? {} : { signal }).catch(() => undefined);
  },
};
