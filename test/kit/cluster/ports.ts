/**
 * Free ports for servers that are stopped and started again on the same one.
 *
 * They come from below the range that the kernel takes for outgoing connections (32768 and up on Linux): otherwise a
 * stopped server's port may be in use as somebody's own end of a connection when the server wants it back.
 */
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

const lowest = 12_000;
const beyond = 32_000;

/** @returns `count` different ports that are free at the moment */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = randomInt(lowest, beyond);
    if (!ports.has(port) && (await isFree(port, host))) ports.add(port);
  }
  return [...ports];
}

async function isFree(port: number, host: string): Promise<boolean> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(false));
    server.listen(port, host, () => server.close(() => resolve(true)));
  });
}
