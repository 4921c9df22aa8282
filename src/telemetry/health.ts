/**
 * The operator's HTTP door: /metrics for Prometheus, /livez and /readyz for the kubelet. It says nothing that a stranger
 * may not know, and takes nothing.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Check {
  readonly name: string;
  /** null = fine; else why not. */
  readonly problem: string | null;
  /** Worth telling, but no reason to take the operator out of service. */
  readonly degraded?: string;
}

export interface HealthOptions {
  readonly port: number;
  readonly live: () => readonly Check[];
  readonly ready: () => readonly Check[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly port: number;
  close(): Promise<void>;
}

const headersLimitMs = 5_000;
const requestLimitMs = 10_000;
const largestHeader = 8 * 1024;

/** @throws Error when the port is taken */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const server = createServer({ maxHeaderSize: largestHeader }, (request, response) => {
    const answer = (status: number, text: string, contentType = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': contentType, 'x-content-type-options': 'nosniff' });
      response.end(request.method === 'HEAD' ? undefined : text);
    };
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      answer(405, 'found another method, expected GET\n');
      return;
    }
    switch (new URL(request.url ?? '/', 'http://operator').pathname) {
      case '/livez':
        told(options.live(), answer);
        break;
      case '/readyz':
        told(options.ready(), answer);
        break;
      case '/metrics':
        options.metrics().then(
          ({ text, contentType }) => answer(200, text, contentType),
          (error: unknown) => answer(500, `${String(error)}\n`),
        );
        break;
      default:
        answer(404, 'found no such page, expected /metrics, /livez or /readyz\n');
    }
  });
  server.headersTimeout = headersLimitMs;
  server.requestTimeout = requestLimitMs;
  await listening(server, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function told(checks: readonly Check[], answer: (status: number, text: string) => void): void {
  const bad = checks.some(({ problem }) => problem !== null);
  const lines = checks.map(({ name, problem, degraded }) => {
    if (problem !== null) return `[-] ${name}: ${problem}`;
    return degraded === undefined ? `[+] ${name}` : `[~] ${name}: ${degraded}`;
  });
  answer(bad ? 503 : 200, `${lines.join('\n')}\n`);
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, resolve);
  });
}
