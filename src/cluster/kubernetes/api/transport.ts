/**
 * HTTP to the API server: connections, TLS, credentials, and limits on time and size. Knows nothing of kinds and verbs.
 *
 * Invariants:
 *  transport/T1 Every request ends: with an answer, with an ApiError, or (an open stream) after `silenceMs` without data.
 *  transport/T2 Connections are kept alive and reused. After a request without an answer in time, no kept connection is
 *     reused.
 *  transport/T3 HTTP/1.1 only: a watch has a connection of its own, so that a broken or stalled connection affects one
 *     watch.
 *  transport/T4 Credentials are read again after `credentialsMs`, and at once after the server has refused them.
 */
import type { Clock } from '@distillery/base';
import { Agent, type Dispatcher, ProxyAgent } from 'undici';

import type { Access, Credentials, TlsSettings } from './connect.js';
import { ApiError, errorOfAnswer, errorOfFailure } from './errors.js';

export interface TransportLimits {
  /** Concurrent requests, without open streams. */
  readonly connections: number;
  readonly connectMs: number;
  /** Time limit of a whole request; the API server itself gives up after 60 s. */
  readonly requestMs: number;
  /** Time limit of an open stream without data; bookmarks come once a minute. */
  readonly silenceMs: number;
  readonly longestAnswerBytes: number;
  readonly credentialsMs: number;
}

const transportLimits: TransportLimits = {
  connections: 32,
  connectMs: 10_000,
  requestMs: 60_000,
  silenceMs: 90_000,
  longestAnswerBytes: 256 * 1024 * 1024,
  credentialsMs: 10_000,
};

export interface TransportOptions {
  readonly access: Access;
  readonly clock: Clock;
  /** Identifies this client in the API server's audit log. */
  readonly userAgent: string;
  readonly limits?: Partial<TransportLimits>;
}

export interface HttpRequest {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly path: string;
  readonly query?: URLSearchParams;
  readonly body?: { readonly json: unknown; readonly contentType: string };
  /** The request in words, for error messages. */
  readonly doing: string;
  readonly signal?: AbortSignal | undefined;
  /** Called at the last moment before the request is sent. */
  readonly maySend?: () => boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly text: string;
  /** Warnings from the API server: deprecations, what an admission policy would refuse. */
  readonly warnings: readonly string[];
}

export interface OpenStream {
  /** @throws ApiError while it is read, with reason `silent`, `unreachable` or `aborted` */
  readonly chunks: AsyncIterable<Uint8Array>;
  close(): void;
}

/**
 * How long an idle connection is kept. The API server keeps it for 90 s, so a request never meets a connection that it
 * has closed.
 */
const keepAliveMs = 30_000;
const tcpKeepAliveMs = 15_000;

/** The connections of one set of certificates. */
interface Agents {
  readonly tls: TlsSettings;
  requests: Dispatcher;
  readonly streams: Dispatcher;
}

export class Transport {
  readonly #options: TransportOptions;
  readonly #limits: TransportLimits;
  readonly #origin: string;
  readonly #root: string;
  #agents: Agents | null = null;
  #credentials: { readonly value: Promise<Credentials>; readonly untilMs: number } | null = null;

  constructor(options: TransportOptions) {
    const { origin, pathname } = new URL(options.access.server);
    this.#options = options;
    this.#limits = { ...transportLimits, ...options.limits };
    this.#origin = origin;
    this.#root = pathname.replace(/\/$/, '');
  }

  /** @returns the complete answer of a successful request @throws ApiError */
  async exchange(request: HttpRequest): Promise<HttpAnswer> {
    return this.#within(request, async (signal) => {
      const response = await this.#send(request, signal, 'requests');
      const text = await this.#textOf(response, request.doing);
      if (response.statusCode >= 300) throw this.#refusal(request.doing, response, text);
      return { status: response.statusCode, text, warnings: warningsOf(response.headers.warning) };
    });
  }

  /** @returns an open answer, as soon as the server has started it; the caller closes it @throws ApiError */
  async stream(request: HttpRequest): Promise<OpenStream> {
    const ending = new AbortController();
    const end = (): void => ending.abort();
    request.signal?.addEventListener('abort', end, { once: true });
    const forget = (): void => request.signal?.removeEventListener('abort', end);
    try {
      const response = await this.#within(request, async (deadline) => {
        // Only the start of the answer has a deadline; the rest ends with the caller's signal.
        deadline.addEventListener('abort', end, { once: true });
        const begun = await this.#send(request, ending.signal, 'streams');
        if (begun.statusCode >= 300) {
          throw this.#refusal(request.doing, begun, await this.#textOf(begun, request.doing));
        }
        deadline.removeEventListener('abort', end);
        return begun;
      });
      const close = (): void => {
        forget();
        response.body.destroy();
      };
      // An error while no caller reads the stream must not become an uncaught exception.
      response.body.on('error', () => undefined);
      return { chunks: read(response.body, request), close };
    } catch (error) {
      forget();
      throw error;
    }
  }

  /** Ends every connection, open streams included. */
  async close(): Promise<void> {
    const agents = this.#agents;
    this.#agents = null;
    await Promise.all([agents?.requests.destroy(), agents?.streams.destroy()]);
  }

  /**
   * Runs `work` with a signal that aborts with the caller's signal or at the time limit. The error says which of them
   * it was.
   */
  async #within<T>({ doing, signal }: HttpRequest, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { requestMs } = this.#limits;
    const timer = new AbortController();
    const ending = new AbortController();
    const leave = (): void => ending.abort(abortedError(doing));
    void this.#options.clock.sleep(requestMs, timer.signal).then(() => {
      if (timer.signal.aborted) return;
      const fault = { about: doing, problem: `no answer within ${requestMs / 1_000} s`, remedy: '' };
      ending.abort(new ApiError('timeout', { doing, fault }));
    });
    if (signal?.aborted === true) leave();
    signal?.addEventListener('abort', leave, { once: true });
    try {
      // Work that ignores the signal, such as a hanging credential plugin, is abandoned.
      return await Promise.race([work(ending.signal), rejectedWhen(ending.signal)]);
    } catch (error) {
      const translated = errorOfFailure(doing, ending.signal.aborted ? ending.signal.reason : error);
      if (translated.reason === 'timeout' && translated.status === null) this.#distrust();
      throw translated;
    } finally {
      timer.abort();
      signal?.removeEventListener('abort', leave);
    }
  }

  async #send(
    request: HttpRequest,
    signal: AbortSignal,
    pool: 'requests' | 'streams',
  ): Promise<Dispatcher.ResponseData> {
    const { method, path, query, body, doing, maySend = () => true } = request;
    const { headers, tls } = await this.#identity(doing);
    // The caller has given up meanwhile.
    if (signal.aborted) throw abortedError(doing);
    if (!maySend()) {
      const fault = { about: doing, problem: 'this process no longer leads, and nothing was sent', remedy: '' };
      throw new ApiError('notLeading', { doing, fault });
    }
    return await this.#agentsFor(tls)[pool].request({
      origin: this.#origin,
      path: `${this.#root}${path}${query === undefined || query.size === 0 ? '' : `?${query.toString()}`}`,
      method,
      headers: {
        ...headers,
        accept: 'application/json',
        'user-agent': this.#options.userAgent,
        ...(body === undefined ? {} : { 'content-type': body.contentType }),
      },
      body: body === undefined ? null : JSON.stringify(body.json),
      signal,
      // #within limits the whole request.
      headersTimeout: 0,
      bodyTimeout: pool === 'streams' ? this.#limits.silenceMs : 0,
    });
  }

  async #identity(doing: string): Promise<Credentials> {
    const { access, clock } = this.#options;
    if (this.#credentials === null || this.#credentials.untilMs <= clock.now()) {
      this.#credentials = { value: access.credentials(), untilMs: clock.now() + this.#limits.credentialsMs };
    }
    try {
      return await this.#credentials.value;
    } catch (error) {
      this.#credentials = null;
      throw new ApiError('unauthorized', {
        doing,
        fault: {
          about: doing,
          problem: `our credentials cannot be read (${error instanceof Error ? error.message : String(error)})`,
          remedy: '',
        },
        cause: error,
      });
    }
  }

  #agentsFor(tls: TlsSettings): Agents {
    if (this.#agents !== null && sameTls(this.#agents.tls, tls)) return this.#agents;
    // Requests and streams in progress may complete.
    void this.#agents?.requests.close().catch(() => undefined);
    void this.#agents?.streams.close().catch(() => undefined);
    this.#agents = { tls, requests: this.#agent(tls, this.#limits.connections), streams: this.#agent(tls, null) };
    return this.#agents;
  }

  #agent(tls: TlsSettings, connections: number | null): Dispatcher {
    const { connectMs } = this.#limits;
    const { proxyUrl } = this.#options.access;
    const pool = { connections, pipelining: 1, allowH2: false, keepAliveTimeout: keepAliveMs };
    const socket = { timeout: connectMs, keepAlive: true, keepAliveInitialDelay: tcpKeepAliveMs };
    if (proxyUrl === undefined) return new Agent({ ...pool, connect: { ...tls, ...socket } });
    return new ProxyAgent({ ...pool, uri: proxyUrl, connectTimeout: connectMs, requestTls: { ...tls, ...socket } });
  }

  #distrust(): void {
    this.#credentials = null;
    if (this.#agents === null) return;
    void this.#agents.requests.close().catch(() => undefined);
    this.#agents.requests = this.#agent(this.#agents.tls, this.#limits.connections);
  }

  #refusal(doing: string, { statusCode, headers }: Dispatcher.ResponseData, text: string): ApiError {
    const retryAfter = headers['retry-after'];
    const error = errorOfAnswer(doing, statusCode, typeof retryAfter === 'string' ? retryAfter : undefined, text);
    if (error.reason === 'unauthorized') this.#credentials = null;
    return error;
  }

  async #textOf({ body }: Dispatcher.ResponseData, doing: string): Promise<string> {
    const { longestAnswerBytes } = this.#limits;
    const parts: Buffer[] = [];
    let bytes = 0;
    for await (const part of body as AsyncIterable<Buffer>) {
      bytes += part.length;
      if (bytes > longestAnswerBytes) {
        throw new ApiError('malformed', {
          doing,
          fault: {
            about: doing,
            found: `an answer of more than ${longestAnswerBytes} bytes`,
            expected: 'less',
            remedy: 'ask for fewer objects at a time',
          },
        });
      }
      parts.push(part);
    }
    return Buffer.concat(parts, bytes).toString('utf8');
  }
}

async function* read(
  body: AsyncIterable<Uint8Array>,
  { doing, signal }: HttpRequest,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    if (signal?.aborted === true) throw abortedError(doing);
    const translated = errorOfFailure(doing, error);
    if (translated.reason !== 'timeout') throw translated;
    throw new ApiError('silent', {
      doing,
      fault: {
        about: doing,
        problem: 'no data for longer than the interval of bookmarks',
        remedy: '',
      },
      cause: error,
    });
  }
}

function abortedError(doing: string): ApiError {
  return new ApiError('aborted', {
    doing,
    fault: { about: doing, problem: 'the caller aborted the request', remedy: '' },
  });
}

async function rejectedWhen(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  if (signal.aborted) abort();
  signal.addEventListener('abort', abort, { once: true });
  return promise;
}

function sameTls(a: TlsSettings, b: TlsSettings): boolean {
  return (
    a.servername === b.servername &&
    a.rejectUnauthorized === b.rejectUnauthorized &&
    String(a.ca) === String(b.ca) &&
    String(a.cert) === String(b.cert) &&
    String(a.key) === String(b.key)
  );
}

/** Texts of `299 - "text"`, quotes inside escaped by a backslash. */
function warningsOf(header: string | string[] | undefined): string[] {
  const text = header === undefined ? '' : String(header);
  return Array.from(text.matchAll(/299 \S+ "((?:[^"\\]|\\.)*)"/g), ([, words = '']) => words.replace(/\\(.)/g, '$1'));
}
