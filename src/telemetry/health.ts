/**
 * The operator's HTTP pages: /metrics for Prometheus, /livez and /readyz for the kubelet. They show nothing confidential and
 * accept no input. No request can end the process or hold more than a bounded part of it.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { codeOf, DistilleryError, type FaultOf, reasonOf } from '@distillery/base';

export interface Check {
  readonly name: string;
  /** null = passed; otherwise the reason. */
  readonly problem: string | null;
  /** A passed check with a limitation, which does not take the operator out of service. */
  readonly degraded?: string;
}

export interface HealthPages {
  readonly live: () => readonly Check[];
  readonly ready: () => readonly Check[];
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export interface HealthServer {
  readonly port: number;
  /** Serves these pages from now on; until then every page says that the operator is starting. */
  serve(pages: HealthPages): void;
  /** Stops listening. Resolves when running answers have ended, after at most a second. */
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
/** For the kubelet and a few scrapers; further connections are refused. */
const mostConnections = 64;
const closeLimitMs = 1_000;

/** The port of the pages cannot be used; the message says why and what to do. */
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
    return { status: 405, text: `the method ${method ?? ''} is not allowed; use GET or HEAD\n` };
  // Not parsed as a URL: a request may hold anything here.
  switch (url.replace(/\?.*$/s, '')) {
    case '/livez':
      return answerOf(pages.live());
    case '/readyz':
      return answerOf(pages.ready());
    case '/metrics':
      return { status: 200, ...(await pages.metrics()) };
    default:
      return { status: 404, text: 'no such page; there are /metrics, /livez and /readyz\n' };
  }
}

/** One line for each check, like the health pages of the API server. */
function answerOf(checks: readonly Check[]): Answer {
  const isBad = checks.some(({ problem }) => problem !== null);
  const lines = checks.map(({ name, problem, degraded }) => {
    if (problem !== null) return `[-] ${name}: ${problem}`;
    return degraded === undefined ? `[+] ${name}` : `[~] ${name}: ${degraded}`;
  });
  return { status: isBad ? 503 : 200, text: `${lines.join('\n')}\n` };
}

async function listening(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    // Kept as long as the server: a connection that cannot be accepted, for lack of file descriptors, is an 'error' too, and
    // would end the process.
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
