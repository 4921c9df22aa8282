/** A real HTTPS server of files whose faults a test chooses for the next requests. It knows ranges, tags and conditions. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';

import type { Credentials } from './cluster/pki.js';

export type WebFault =
  /** Cuts the connection after that many bytes of the body. */
  | { readonly kind: 'cut'; readonly after: number }
  /** Sends that many bytes and then nothing. */
  | { readonly kind: 'stall'; readonly after: number }
  /** Announces more bytes than it has. */
  | { readonly kind: 'longer'; readonly by: number }
  | { readonly kind: 'status'; readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  | { readonly kind: 'redirect'; readonly to: string };

export interface Seen {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly status: number;
}

interface File {
  readonly bytes: Buffer;
  readonly etag: string;
}

interface Reply {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string | number>>;
  readonly body?: Buffer;
}

export class WebServer {
  readonly #server: Server;
  readonly #files = new Map<string, File>();
  readonly #faults: WebFault[] = [];
  /** Requests in order, with the status of their answers. */
  readonly seen: Seen[] = [];
  /** Called before each answer. */
  onRequest: (path: string) => void = () => undefined;
  /** What each request must send; null = anybody may read. */
  authorization: string | null = null;
  /** The body of every answer; null = the files. */
  answersAll: Buffer | null = null;
  /** False: it answers every request with the whole file, and no tag. */
  knowsRanges = true;

  static async start({ certificate, key }: Credentials): Promise<WebServer> {
    const web = new WebServer(createServer({ cert: readFileSync(certificate), key: readFileSync(key) }));
    web.#server.listen(0, '127.0.0.1');
    await once(web.#server, 'listening');
    return web;
  }

  private constructor(server: Server) {
    this.#server = server;
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      this.#answer(request, response);
    });
  }

  /** Host and port. */
  get host(): string {
    return `127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  put(path: string, bytes: Uint8Array): void {
    const tag = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
    this.#files.set(`/${path}`, { bytes: Buffer.from(bytes), etag: `"${tag}"` });
  }

  remove(path: string): void {
    this.#files.delete(`/${path}`);
  }

  /** Faults of the next requests, in order. */
  next(...faults: readonly WebFault[]): void {
    this.#faults.push(...faults);
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const path = decodeURIComponent(request.url ?? '');
    this.onRequest(path);
    const fault = this.#faults.shift();
    const { status, headers = {}, body = Buffer.alloc(0) } = this.#answerTo(path, request.headers, fault);
    this.seen.push({ path, headers: request.headers, status });
    response.writeHead(status, headers);
    if (fault?.kind !== 'cut' && fault?.kind !== 'stall' && fault?.kind !== 'longer') {
      response.end(body);
      return;
    }
    response.write(body.subarray(0, fault.kind === 'longer' ? body.length : fault.after), () => {
      if (fault.kind !== 'stall') response.socket?.destroy();
    });
  }

  #answerTo(path: string, asked: IncomingMessage['headers'], fault: WebFault | undefined): Reply {
    if (fault?.kind === 'status') return fault;
    if (fault?.kind === 'redirect') return { status: 302, headers: { location: fault.to } };
    if (this.authorization !== null && asked.authorization !== this.authorization) return { status: 401 };
    if (this.answersAll !== null) return { status: 200, body: this.answersAll };
    const file = this.#files.get(path);
    if (file === undefined) return { status: 404 };
    const { etag, bytes } = file;
    if (this.knowsRanges && asked['if-none-match'] === etag) return { status: 304, headers: { etag } };
    const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(asked.range ?? '') ?? [];
    const isSame = asked['if-range'] === undefined || asked['if-range'] === etag;
    const isPart = this.knowsRanges && first !== undefined && isSame;
    const from = isPart ? Number(first) : 0;
    const body = bytes.subarray(from, isPart && last !== '' ? Number(last) + 1 : bytes.length);
    const headers = {
      'content-length': body.length + (fault?.kind === 'longer' ? fault.by : 0),
      ...(this.knowsRanges ? { etag } : {}),
      ...(isPart ? { 'content-range': `bytes ${from}-${from + body.length - 1}/${bytes.length}` } : {}),
    };
    return { status: isPart ? 206 : 200, headers, body };
  }
}
