/**
 * Keeps a run's nats-server alive: a server that dies is started again on the same port and store, so that clients
 * reconnect and find what was stored (I2).
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { RefusedWrites } from './refused-writes.js';
import { type NatsServer, type ServerExit, startNatsServer, type StartOptions } from './start.js';

export type ServerEvent =
  | { readonly kind: 'exited'; readonly exit: ServerExit }
  | { readonly kind: 'restarted'; readonly pid: number }
  | { readonly kind: 'restartFailed'; readonly reason: string; readonly nextTryMs: number };

export interface SupervisedServer {
  readonly url: string;
  /** Process id of the running server; null between a death and the restart. */
  pid(): number | null;
  /** @returns the system's code of a write that was refused to its store since the last call, as EFBIG; null = none was */
  refusedWrite(): Promise<string | null>;
  /** Ends the server for good. */
  stop(): Promise<void>;
}

const firstDelayMs = 100;
const longestDelayMs = 5_000;

/**
 * Starts a server and keeps it alive.
 * @param options their `stop` ends the first start only: while a run ends, its student still writes a checkpoint
 * @throws StreamError noServer when the first start fails, the signal's reason once it aborts; later failures are events
 *   and are tried again
 */
export async function superviseNatsServer(
  options: StartOptions,
  onEvent: (event: ServerEvent) => void,
): Promise<SupervisedServer> {
  const stopping = new AbortController();
  let current: NatsServer | null = await startNatsServer(options);
  const { url, port } = current;
  const refused = await RefusedWrites.after(current.logFile);

  const isStopping = (): boolean => stopping.signal.aborted;
  const restart = async (): Promise<NatsServer | null> => {
    for (let delayMs = firstDelayMs; !stopping.signal.aborted; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
      try {
        return await startNatsServer({ ...options, port, stop: stopping.signal });
      } catch (error) {
        if (isStopping()) return null;
        const reason = error instanceof Error ? error.message : String(error);
        onEvent({ kind: 'restartFailed', reason, nextTryMs: delayMs });
        await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      }
    }
    return null;
  };

  const watch = async (): Promise<void> => {
    while (current !== null) {
      const exit = await current.exited;
      current = null;
      if (isStopping()) return;
      onEvent({ kind: 'exited', exit });
      const next = await restart();
      if (isStopping()) return next?.stop();
      current = next;
      if (next !== null) onEvent({ kind: 'restarted', pid: next.pid });
    }
  };
  const watching = watch();

  return {
    url,
    pid: () => current?.pid ?? null,
    refusedWrite: () => refused.next(),
    stop: async () => {
      stopping.abort();
      await current?.stop();
      await watching;
    },
  };
}
