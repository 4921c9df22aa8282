/**
 * Things of which a machine has one: a bridge name, a cache. Of two processes that want one, the second waits. The lock
 * is a name of an abstract socket (Linux), which the kernel frees with its owner: a killed owner never blocks the next.
 */
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { codeOf } from '@distillery/base';

const askEveryMs = 100;

/**
 * @param onWait is called once when somebody else holds it
 * @returns the means to let go
 */
export async function takeLock(name: string, onWait: () => void = () => undefined): Promise<() => void> {
  for (let attempt = 1; ; attempt++) {
    const server = await listen(`\0distillery-${name}`);
    if (server !== null) return () => void server.close();
    if (attempt === 1) onWait();
    await sleep(askEveryMs);
  }
}

async function listen(name: string): Promise<Server | null> {
  const server = createServer();
  return new Promise((resolve, reject) => {
    server.on('error', (error) => (codeOf(error) === 'EADDRINUSE' ? resolve(null) : reject(error)));
    // Unreferenced: holding a lock is no reason to stay alive.
    server.listen(name, () => resolve(server.unref()));
  });
}
