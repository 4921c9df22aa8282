/** Trying again what may pass: how often, how long between, and what the log says of it. */
import { type Clock, problemOf, type Random } from '@distillery/base';

import { RemoteError } from './errors.js';
import { sameVersion, type Source, unlessSame, type Version, versionOf } from './source.js';

/** The small part of a logger that this room uses. */
export interface PlacesLog {
  info(fields: object, message: string): void;
  warn(message: string): void;
}

export interface RetryLimits {
  /** Failures in a row without a new byte between them, before the download gives up. */
  readonly tries: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** Between two lines of the log about one download. */
  readonly progressMs: number;
}
export const retryLimits: RetryLimits = {
  tries: 6,
  firstWaitMs: 500,
  longestWaitMs: 30_000,
  progressMs: 10_000,
};

export interface RetryTools {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: PlacesLog;
  readonly limits: RetryLimits;
  readonly signal: AbortSignal;
}

/** Whether the server still has this version; false also when it cannot tell. @throws RemoteError */
export async function isUnchanged(source: Source, version: Version, tools: RetryTools): Promise<boolean> {
  const headers = unlessSame(version);
  if (Object.keys(headers).length === 0) return false;
  const attempt = async (): Promise<boolean> => {
    const answer = await source.ask({ ...headers, 'accept-encoding': 'identity' }, tools.signal);
    answer.drop();
    return answer.status === 304 || (answer.status === 200 && sameVersion(version, versionOf(answer)));
  };
  return withRetries({ attempt, furthest: 0 }, source.about, tools);
}

/** Tries again what may pass, until nothing new arrives in `tries` attempts. @throws RemoteError, the last one */
export async function withRetries<T>(
  work: { attempt(): Promise<T>; readonly furthest: number },
  about: string,
  { clock, random, log, limits, signal }: RetryTools,
): Promise<T> {
  for (let failures = 0, before = work.furthest; ;) {
    signal.throwIfAborted();
    try {
      return await work.attempt();
    } catch (error) {
      if (signal.aborted || !(error instanceof RemoteError) || error.retry !== 'Later' || error.reason === 'changed') {
        throw error;
      }
      failures = work.furthest > before ? 1 : failures + 1;
      before = work.furthest;
      if (failures >= limits.tries) throw error;
      const longest = Math.min(limits.longestWaitMs, limits.firstWaitMs * 2 ** (failures - 1));
      const waitMs = Math.max(error.askedWaitMs, longest * (0.5 + random.unit() / 2));
      log.warn(`${about}: ${problemOf(error.fault)}; trying again in ${(waitMs / 1_000).toFixed(1)} s`);
      await clock.sleep(waitMs, signal);
    }
  }
}
