/**
 * The time limit of a compute thread's calls. A model may keep a library busy without end, and libraries have no call that
 * stops them.
 *
 * Invariant: only time in which this process itself ran counts. A laptop that slept, a frozen cgroup or a stopped process
 * never looks like a call that hangs.
 */

/** Ticks that a machine under load delivers late still count, up to this many times their distance. */
const lateness = 2;
const longestTickMs = 1_000;

export interface TimeLimit {
  /** A call begins: the time counts from 0. */
  restart(): void;
  /** No call is running. */
  stop(): void;
}

/** @param expired called once, when a call has taken `limitMs` */
export function startTimeLimit(limitMs: number, expired: () => void): TimeLimit {
  const tickMs = Math.max(1, Math.min(longestTickMs, limitMs / 4));
  let ranMs = 0;
  let lastMs = 0;
  let timer: NodeJS.Timeout | undefined;
  const stop = (): void => {
    clearInterval(timer);
    timer = undefined;
  };
  const tick = (): void => {
    const nowMs = performance.now();
    ranMs += Math.min(nowMs - lastMs, lateness * tickMs);
    lastMs = nowMs;
    if (ranMs < limitMs) return;
    stop();
    expired();
  };
  return {
    restart: () => {
      ranMs = 0;
      lastMs = performance.now();
      timer ??= setInterval(tick, tickMs);
    },
    stop,
  };
}
