/**
 * The operator's HTTP door: /metrics for Prometheus, /livez and /readyz for the kubelet. It tells nothing that a stranger
 * may not know, takes nothing, and whatever comes in can neither end the process nor hold more than a bounded part of it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { codeOf, DistilleryError, type FaultOf, reasonOf } from '@distillery/base';

export interface Check {
  readonly name: string;
  /** null = fine; else why not. */
  readonly problem: string | null;
  /** Worth telling, but no reason to take the operator out of service. */
  readonly degraded?: string;
}

export interface HealthPages {
  readonly live: () => readonly Check[];
  readonly ready: () => readonly Check[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly port: number;
  /** Answers from now on; until then every page says that the operator is starting. */
  serve(pages: HealthPages): void;
  /** Resolves when nobody is answered any more; answers that are under way are finished, if they end soon. */
  close(): Promise<void>;
}

interface Answer {
  readonly status: number;
  readonly text: string;
  readonly contentType?: string;
}

const starting: Answer = { status: 503, text: '[-] process: the operator is starting\n' };
const headersLimitMs = 5_000;
const requestLimitMs = 10_000;
const largestHeaderBytes = 8 * 1024;
/** The kubelet and a few scrapers; the rest is refused. */
const mostConnections = 64;
const closeLimitMs = 1_000;

/** The port of the pages cannot be had; the message says why and what to do. */
export class HealthPortError extends DistilleryError {
  override readonly name = 'HealthPortError';
  readonly kind = 'HealthPort';
  readonly retry = 'AfterSomebodyActs';

  constructor(
    readonly port: number,
    readonly code: string,
    options: ErrorOptions,
  ) {
    super({ about: `port ${String(port)}`, ...faultOf(code, options.cause) }, options);
  }
}

function faultOf(code: string, cause: unknown): FaultOf {
  switch (code) {
    case 'EADDRINUSE':
      return { problem: 'another process listens on it', remedy: 'choose another port, or stop that process' };
    case 'EACCES':
      return { problem: 'this process may not listen on it', remedy: 'choose a port from 1024 on' };
    default:
      return { problem: `it cannot be used (${reasonOf(cause)})`, remedy: 'choose another port' };
  }
}

/**
 * Listens, before anything else is started.
 * @param port 0 = any that is free
 * @throws HealthPortError
 */
export async function openHealth(port: number): Promise<HealthServer> {
  let pages: HealthPages | null = null;
  const server = createServer({ maxHeaderSize: largestHeaderBytes }, (request, response) => {
    void reply(request, response, pages);
  });
  server.headersTimeout = headersLimitMs;
  server.requestTimeout = requestLimitMs;
  server.maxConnections = mostConnections;
  await listening(server, port);
  return {
    port: (server.address() as AddressInfo).port,
    serve: (given) => {
      pages = given;
    },
    close: () => closed(server),
  };
}

async function reply(request: IncomingMessage, response: ServerResponse, pages: HealthPages | null): Promise<void> {
  let answer: Answer;
  try {
    answer = pages === null ? starting : await answerTo(request, pages);
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

async function answerTo({ method, url = '' }: IncomingMessage, pages: HealthPages): Promise<Answer> {
  if (method !== 'GET' && method !== 'HEAD')
    return { status: 405, text: `found the method ${method ?? ''}, expected GET or HEAD\n` };
  // Not parsed as a URL: what comes here need not be one.
  switch (url.replace(/\?.*$/s, '')) {
    case '/livez':
      return told(pages.live());
    case '/readyz':
      return told(pages.ready());
    case '/metrics':
      return { status: 200, ...(await pages.metrics()) };
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
    // Stays for as long as the server: a connection that cannot be taken, for want of file descriptors, is an 'error' too,
    // and would end the process.
    server.on('error', (error) => reject(new HealthPortError(port, codeOf(error), { cause: error })));
    server.listen(port, resolve);
  });
}

async function closed(server: Server): Promise<void> {
  const done = new Promise((resolve) => server.close(resolve));
  server.closeIdleConnections();
  const last = setTimeout(() => server.closeAllConnections(), closeLimitMs);
  await done;
  clearTimeout(last);
}
