/**
 * The operator's HTTP door: /metrics for Prometheus, /livez and /readyz for the kubelet. It tells nothing that a stranger
 * may not know, takes nothing, and whatever comes in can neither end the process nor hold more than a bounded part of it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Check {
  readonly name: string;
  /** null = fine; else why not. */
  readonly problem: string | null;
  /** Worth telling, but no reason to take the operator out of service. */
  readonly degraded?: string;
}

export interface HealthOptions {
  /** 0 = any that is free. */
  readonly port: number;
  readonly live: () => readonly Check[];
  readonly ready: () => readonly Check[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly port: number;
  /** Resolves when nobody is answered any more; answers that are under way are finished, if they end soon. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly contentType?: string;
}

const headersLimitMs = 5_000;
const requestLimitMs = 10_000;
const largestHeaderBytes = 8 * 1024;
/** The kubelet and a few scrapers; the rest is refused. */
const mostConnections = 64;
const closeLimitMs = 1_000;

/** @throws Error when the port is taken */
export async function serveHealth(options: HealthOptions): Promise<HealthServer> {
  const server = createServer({ maxHeaderSize: largestHeaderBytes }, (request, response) => {
    void reply(request, response, options);
  });
  server.headersTimeout = headersLimitMs;
  server.requestTimeout = requestLimitMs;
  server.maxConnections = mostConnections;
  await listening(server, options.port);
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) };
}

async function reply(request: IncomingMessage, response: ServerResponse, options: HealthOptions): Promise<void> {
  let answer: Answer;
  try {
    answer = await answerTo(request, options);
  } catch (error) {
    answer = { status: 500, text: `${String(error)}\n` };
  }
  const { status, text, contentType = 'text/plain; charset=utf-8' } = answer;
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 405 ? { allow: 'GET, HEAD' } : {}),
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

async function answerTo({ method, url = '' }: IncomingMessage, options: HealthOptions): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, text: `found the method ${method ?? ''}, expected GET or HEAD\n` };
  // Not parsed as a URL: what comes here need not be one.
  switch (url.replace(/\?.*$/s, '')) {
    case '/livez':
      return told(options.live());
    case '/readyz':
      return told(options.ready());
    case '/metrics':
      return { status: 200, ...(await options.metrics()) };
    default:
      return { status: 404, text: 'found no such page, expected /metrics, /livez or /readyz\n' };
  }
}

/** One line a check, as the API server's own health pages have it. */
function told(checks: readonly Check[]): Answer {
  const isBad = checks.some(({ problem }) => problem !== null);
  const lines = checks.map(({ name, problem, degraded }) => {
    if (problem !== null) return `[-] ${name}: ${problem}`;
    return degraded === undefined ? `[+] ${name}` : `[~] ${name}: ${degraded}`;
  });
  return { status: isBad ? 503 : 200, text: `${lines.join('\n')}\n` };
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

async function closed(server: Server): Promise<void> {
  const done = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const last = setTimeout(() => server.closeAllConnections(), closeLimitMs);
  await done;
  clearTimeout(last);
}
