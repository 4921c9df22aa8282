/**
 * Requests to remote places, with time limits, and with redirects that keep to https and leave credentials behind.
 *
 * Invariants:
 *  requests/Q1 No wait is without end: for a connection, for the head of an answer, between two pieces of its body.
 *  requests/Q2 A redirect leads from https to https, and the Authorization header never to another origin.
 */
import { codeOf, reasonOf } from '@distillery/base';
import { certificateFaultOf } from '@distillery/platform';
import type { Agent, Dispatcher, request } from 'undici';

import { RemoteError } from './errors.js';

export interface TransportLimits {
  readonly connectMs: number;
  /** Longest silence before the head of an answer and between two pieces of its body. */
  readonly stallMs: number;
  readonly redirects: number;
}
export const transportLimits: TransportLimits = { connectMs: 20_000, stallMs: 60_000, redirects: 5 };

/** An answer whose body is not read yet. */
export interface Answer {
  readonly status: number;
  readonly header: (name: string) => string | null;
  readonly body: AsyncIterable<Uint8Array>;
  /** The first bytes of the body as text, at most `maxBytes`; ends the answer. */
  readonly text: (maxBytes: number) => Promise<string>;
  /** Ends the answer without reading the rest. */
  readonly drop: () => void;
}

/** What is sent with a request that writes. */
export interface Sent {
  readonly method: 'PUT' | 'DELETE';
  /** Empty for DELETE. */
  readonly body: Uint8Array;
}

export interface Ask {
  /** What is fetched or written, for messages. */
  readonly about: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Only for the origin of `url`. */
  readonly authorization: string | null;
  /** Absent: GET. */
  readonly sent?: Sent;
  readonly signal: AbortSignal;
}

/** Time for a body that is sent counts as silence of the server: that much more for each byte, 256 KiB/s. */
const msPerSentByte = 1_000 / 2 ** 18;

/** The library is loaded by the first request: most jobs have local places only, and it takes a worker 100 ms to load. */
interface Client {
  readonly agent: Agent;
  readonly request: typeof request;
}

export class Transport {
  readonly #limits: TransportLimits;
  #client: Promise<Client> | null = null;

  constructor(limits: TransportLimits = transportLimits) {
    this.#limits = limits;
  }

  /** @throws RemoteError when there is no answer; the answer may be any, also a redirect */
  async send({ about, url, headers, authorization, sent, signal }: Ask): Promise<Answer> {
    this.#client ??= this.#open();
    const client = await this.#client;
    let response: Dispatcher.ResponseData;
    try {
      response = await client.request(url, {
        dispatcher: client.agent,
        method: sent?.method ?? 'GET',
        ...(sent?.method === 'PUT' ? { body: sent.body } : {}),
        headersTimeout: Math.ceil(this.#limits.stallMs + (sent?.body.length ?? 0) * msPerSentByte),
        headers: { ...headers, ...(authorization === null ? {} : { authorization }) },
        signal,
      });
    } catch (error) {
      throw signal.aborted ? error : unreached(error, about, url);
    }
    return answerOf(response, about, url, signal);
  }

  /** As `send`, and goes where redirects lead. @throws RemoteError redirected as well */
  async follow(ask: Ask): Promise<Answer> {
    let { url, authorization } = ask;
    for (let redirects = 0; ; redirects++) {
      const answer = await this.send({ ...ask, url, authorization });
      const location = answer.header('location');
      if (![301, 302, 303, 307, 308].includes(answer.status) || location === null) return answer;
      answer.drop();
      const next = URL.canParse(location, url.href) ? new URL(location, url) : null;
      if (redirects === this.#limits.redirects || next?.protocol !== 'https:') {
        const to = next === null ? 'to no address' : `to ${next.protocol}//${next.host}`;
        throw new RemoteError('redirected', {
          about: ask.about,
          problem:
            next?.protocol === 'https:'
              ? `the server redirects more than ${String(this.#limits.redirects)} times`
              : `the server redirects ${to}, and only https:// is followed`,
          remedy: 'name the address where the file is',
        });
      }
      if (next.origin !== url.origin) authorization = null;
      url = next;
    }
  }

  async close(): Promise<void> {
    await (await this.#client)?.agent.destroy();
  }

  async #open(): Promise<Client> {
    const undici = await import('undici');
    const { connectMs, stallMs } = this.#limits;
    const agent = new undici.Agent({ connect: { timeout: connectMs }, headersTimeout: stallMs, bodyTimeout: stallMs });
    return { agent, request: undici.request };
  }
}

function answerOf(response: Dispatcher.ResponseData, about: string, url: URL, signal: AbortSignal): Answer {
  const { statusCode, headers, body } = response;
  // Dropping a body is reported as its error.
  body.on('error', () => undefined);
  const drop = (): void => void body.destroy();
  async function* pieces(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of body as AsyncIterable<Uint8Array>) yield piece;
    } catch (error) {
      throw signal.aborted ? error : unreached(error, about, url);
    }
  }
  return {
    status: statusCode,
    header: (name) => {
      const value = headers[name];
      return Array.isArray(value) ? (value[0] ?? null) : (value ?? null);
    },
    body: { [Symbol.asyncIterator]: pieces },
    text: async (maxBytes) => {
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const piece of pieces()) {
        parts.push(piece);
        bytes += piece.length;
        if (bytes >= maxBytes) break;
      }
      drop();
      return Buffer.concat(parts).subarray(0, maxBytes).toString('utf8');
    },
    drop,
  };
}

/** What an error of the connection means. */
function unreached(error: unknown, about: string, { host, protocol }: URL): RemoteError {
  const certificate = certificateFaultOf(error, { tls: true });
  if (certificate !== null) {
    const { problem, remedy } = certificate;
    return new RemoteError('certificate', { about, problem: `${problem} (${host})`, remedy }, { cause: error });
  }
  const code = codeOf(error);
  const fault = (problem: string, remedy: string): { about: string; problem: string; remedy: string } => ({
    about,
    problem,
    remedy,
  });
  switch (code) {
    case 'ENOTFOUND':
      return new RemoteError('unknownHost', fault(`no host is named ${host}`, 'check the name'), { cause: error });
    case 'EAI_AGAIN':
      return new RemoteError(
        'unreachable',
        fault(`the name service does not answer for ${host}`, 'check the network and its name service'),
        { cause: error },
      );
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
      return new RemoteError('stalled', fault(`${host} stopped sending`, 'try again later'), { cause: error });
    case 'UND_ERR_SOCKET':
    case 'ECONNRESET':
    case 'EPIPE':
    case 'UND_ERR_RES_CONTENT_LENGTH_MISMATCH':
    case 'UND_ERR_ABORTED':
    case 'HPE_INVALID_EOF_STATE':
      return new RemoteError('cut', fault(`${host} cut the connection`, 'try again later'), { cause: error });
    default: {
      const what =
        protocol === 'https:' && /^(EPROTO|ERR_SSL|ERR_TLS|HPE_)/.test(code) ? 'speaks no TLS' : 'cannot be reached';
      const why = code === '' ? reasonOf(error).slice(0, 100) : code;
      return new RemoteError('unreachable', fault(`${host} ${what} (${why})`, 'check the address and the network'), {
        cause: error,
      });
    }
  }
}
