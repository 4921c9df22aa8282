/** The places of this process: its cache, its credentials, this machine's clock and chance. */
import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';

import { codeOf, randomFrom } from '@distillery/base';
import { systemClock } from '@distillery/platform';

import { rangedLimits, retryLimits, Places, type PlacesOptions, transportLimits } from '../places/index.js';

import type { PlacesEnvironment } from './environment.js';

/** @param signal ends downloads */
export function placesOf(
  { cache, credentials }: PlacesEnvironment,
  log: PlacesOptions['log'],
  signal: AbortSignal,
): Places {
  return new Places({
    cache: {
      ...cache,
      owner: { host: hostname(), pid: process.pid, startedAtMs: Math.round(performance.timeOrigin) },
      isAlive,
      newId: () => randomBytes(8).toString('hex'),
    },
    credentials,
    transport: transportLimits,
    ranged: { ...rangedLimits, thread: new URL('../places/range-thread.js', import.meta.url) },
    clock: systemClock,
    random: randomFrom(randomBytes(4).readUInt32LE()),
    log,
    limits: retryLimits,
    signal,
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
