/**
 * Locks for things that a machine has once, such as a bridge name or a cache: a second process waits. A lock is a name of
 * an abstract socket (Linux), which the kernel frees with its owner, so that a killed owner never blocks the next.
 */
import { createServer, type Server } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

import { codeOf } from '@distillery/base';

const askEveryMs = 100;

/**
 * @param onWait called once if another process holds the lock
 * @returns a function that releases the lock
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
    // Unreferenced: a held lock must not keep the process alive.
    server.listen(name, () => resolve(server.unref()));
  });
}
