/**
 * An HTTP proxy in front of a real S3 server, whose faults a test chooses for the next requests. Signatures cover the Host
 * header, which it passes on.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http';
import { request as requestByTls } from 'node:https';
import type { AddressInfo } from 'node:net';

export type S3Fault =
  /** Answers with an error of S3 instead of the server. */
  | { readonly kind: 'refuse'; readonly status: number; readonly code: string; readonly message?: string }
  /** Cuts the connection after that many bytes of the request's body; the server never sees it. */
  | { readonly kind: 'cutRequest'; readonly after: number }
  /** The server does what is asked, and its answer is lost. */
  | { readonly kind: 'loseAnswer' }
  /** Cuts the connection after that many bytes of the answer's body. */
  | { readonly kind: 'cutAnswer'; readonly after: number }
  /** Changes a bit of the body that the server is sent. */
  | { readonly kind: 'flip' };

export interface S3Request {
  readonly method: string;
  /** Path without a query, decoded. */
  readonly path: string;
}

interface Planned {
  readonly fault: S3Fault;
  readonly applies: (request: S3Request) => boolean;
  left: number;
}

export class S3Proxy {
  readonly #target: URL;
  readonly #server: Server;
  #planned: Planned[] = [];
  /** All requests so far. */
  readonly seen: S3Request[] = [];
  /** Of the bodies of all answers. */
  bytes = 0;
  /** Called before a request is passed on. */
  onRequest: (request: S3Request) => Promise<void> | void = () => undefined;

  static async start(endpoint: string): Promise<S3Proxy> {
    const proxy = new S3Proxy(new URL(endpoint));
    proxy.#server.listen(0, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  private constructor(target: URL) {
    this.#target = target;
    this.#server = createServer((asked, answer) => {
      this.#take(asked, answer).catch(() => answer.destroy());
    });
  }

  get url(): string {
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  /** The next `times` requests that apply get this fault. */
  plan(fault: S3Fault, applies: (request: S3Request) => boolean = () => true, times = 1): void {
    this.#planned.push({ fault, applies, left: times });
  }

  /** Ends all faults. */
  heal(): void {
    this.#planned = [];
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #take(asked: IncomingMessage, answer: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/' } = asked;
    const seen = { method, path: decodeURIComponent(url.split('?')[0] ?? '') };
    this.seen.push(seen);
    const planned = this.#planned.find(({ applies, left }) => left > 0 && applies(seen));
    const fault = planned?.fault;
    if (planned !== undefined) planned.left -= 1;
    if (fault?.kind === 'cutRequest') {
      await cutAfter(asked, fault.after);
      return;
    }
    const body = await bodyOf(asked);
    if (fault?.kind === 'refuse') {
      const { status, code, message = 'made up' } = fault;
      const text = `<?xml version="1.0"?><Error><Code>${code}</Code><Message>${message}</Message></Error>`;
      answer.writeHead(status, { 'content-type': 'application/xml' }).end(text);
      return;
    }
    await this.onRequest(seen);
    const sent = fault?.kind === 'flip' ? body.with(0, (body[0] ?? 0) ^ 1) : body;
    await this.#pass(asked, sent, answer, fault);
  }

  async #pass(
    asked: IncomingMessage,
    body: Uint8Array,
    answer: ServerResponse,
    fault: S3Fault | undefined,
  ): Promise<void> {
    const { method, url, headers } = asked;
    const { hostname, port, protocol } = this.#target;
    const options = { hostname, port, method, path: url, headers };
    // What is tested is the trust of those who ask the proxy.
    const passed = protocol === 'https:' ? requestByTls({ ...options, rejectUnauthorized: false }) : request(options);
    passed.end(body);
    const [given] = (await once(passed, 'response')) as [IncomingMessage];
    const content = await bodyOf(given);
    if (fault?.kind === 'loseAnswer') {
      answer.destroy();
      return;
    }
    this.bytes += content.length;
    answer.writeHead(given.statusCode ?? 500, given.headers);
    if (fault?.kind === 'cutAnswer') answer.write(content.subarray(0, fault.after), () => answer.destroy());
    else answer.end(content);
  }
}

async function bodyOf(message: IncomingMessage): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  for await (const piece of message as AsyncIterable<Buffer>) pieces.push(piece);
  return Buffer.concat(pieces);
}

async function cutAfter(message: IncomingMessage, bytes: number): Promise<void> {
  let got = 0;
  for await (const piece of message as AsyncIterable<Buffer>) {
    got += piece.length;
    if (got >= bytes) break;
  }
  message.socket.resetAndDestroy();
}
