/**
 * A TCP proxy on loopback whose faults a test switches on and off. It does not know the protocol: it delays, holds back,
 * loses or cuts bytes at any position, within a TLS record or a line.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  /** Bytes that the client may still get before its connection is cut; null = all. */
  leftBytes: number | null;
}

/** Per direction, a function from each received chunk to the bytes that are forwarded. */
export interface Filters {
  readonly toServer: (chunk: Buffer) => Buffer;
  readonly toClient: (chunk: Buffer) => Buffer;
}

export class FaultyProxy {
  readonly #target: { readonly host: string; readonly port: number };
  readonly #pairs = new Set<Pair>();
  #server: Server | null = null;
  #port = 0;
  #delayMs = 0;
  #bytesPerSecond: number | null = null;
  #blackHole = false;
  #cutAfterBytes: number | null = null;
  readonly #filters: () => Filters;
  /** Number of connections accepted so far. */
  accepted = 0;
  /** Bytes forwarded to clients so far. */
  bytes = 0;

  /**
   * @param target where the connections lead, as https://host:port
   * @param filters makes the filters for the bytes of each connection
   */
  static async start(target: string, filters: () => Filters = carryAll): Promise<FaultyProxy> {
    const { hostname, port } = new URL(target);
    const proxy = new FaultyProxy({ host: hostname, port: Number(port) }, filters);
    await proxy.#listen();
    return proxy;
  }

  private constructor(target: { readonly host: string; readonly port: number }, filters: () => Filters) {
    this.#target = target;
    this.#filters = filters;
  }

  get url(): string {
    return `https://127.0.0.1:${this.#port}`;
  }

  /** Connections open now. */
  get open(): number {
    return this.#pairs.size;
  }

  /** Cuts every open connection without a goodbye; new ones work. */
  cut(): void {
    for (const pair of [...this.#pairs]) cutPair(pair);
  }

  /** Cuts each connection, present and future, after it has forwarded that many more bytes to its client. */
  cutAfter(bytes: number): void {
    this.#cutAfterBytes = bytes;
    for (const pair of this.#pairs) pair.leftBytes = bytes;
  }

  /** Ends every open connection in good order, as a server does that shuts down: bytes in flight are lost. */
  finish(): void {
    for (const { client, server } of [...this.#pairs]) {
      server.destroy();
      client.end();
    }
  }

  /** Delays every chunk by this time. */
  delay(ms: number): void {
    this.#delayMs = ms;
  }

  /** Limits the rate of bytes to each client. */
  throttle(bytesPerSecond: number): void {
    this.#bytesPerSecond = bytesPerSecond;
  }

  /** Black hole: connections stay open, new ones are accepted, and no byte passes in either direction. */
  blackHole(): void {
    this.#blackHole = true;
  }

  /** Cuts every connection and stops listening. */
  async refuse(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = once(server, 'close');
    server.close();
    this.cut();
    await closed;
  }

  /** Ends all faults. Connections that were in a black hole stay dead: no side sends the lost bytes again. */
  async heal(): Promise<void> {
    this.#delayMs = 0;
    this.#bytesPerSecond = null;
    this.#cutAfterBytes = null;
    for (const pair of this.#pairs) pair.leftBytes = null;
    this.#blackHole = false;
    if (this.#server === null) await this.#listen();
  }

  async stop(): Promise<void> {
    await this.refuse();
  }

  async #listen(): Promise<void> {
    const server = createServer((client) => this.#take(client));
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  #take(client: Socket): void {
    this.accepted += 1;
    const server = connect(this.#target);
    const pair: Pair = { client, server, leftBytes: this.#cutAfterBytes };
    this.#pairs.add(pair);
    for (const socket of [client, server]) {
      socket.setNoDelay(true);
      socket.on('error', () => undefined);
    }
    client.on('close', () => {
      server.destroy();
      this.#pairs.delete(pair);
    });
    const { toServer, toClient } = this.#filters();
    void this.#carry(client, server, toServer, () => undefined).finally(() => server.end());
    void this.#carry(server, client, toClient, (chunk) => {
      this.bytes += chunk.length;
      if (pair.leftBytes === null) return;
      pair.leftBytes -= chunk.length;
      if (pair.leftBytes <= 0) cutPair(pair);
    }).finally(() => client.end());
  }

  async #carry(
    from: Socket,
    to: Socket,
    change: (chunk: Buffer) => Buffer,
    carried: (chunk: Buffer) => void,
  ): Promise<void> {
    let lost = false;
    try {
      for await (const whole of from as AsyncIterable<Buffer>) {
        const chunk = change(whole);
        // A stream with a gap is useless: after the first loss, drop the rest too.
        lost ||= this.#blackHole;
        for (const piece of lost ? [] : this.#pieces(chunk)) {
          await this.#slowly(piece.length);
          if (to.destroyed) return;
          if (!to.write(piece)) await Promise.race([once(to, 'drain'), once(to, 'close')]);
          carried(piece);
        }
      }
    } catch {
      // The other side learns of it when its own connection ends.
    }
    if (lost) await once(to, 'close');
  }

  /** Chunks are small enough that a limit of bytes, or of rate, falls within one. */
  #pieces(chunk: Buffer): Buffer[] {
    const longest = this.#bytesPerSecond ?? this.#cutAfterBytes ?? chunk.length;
    const bytes = Math.max(1, Math.ceil(this.#bytesPerSecond === null ? longest : longest / 20));
    return Array.from({ length: Math.ceil(chunk.length / bytes) }, (_, at) =>
      chunk.subarray(at * bytes, (at + 1) * bytes),
    );
  }

  async #slowly(bytes: number): Promise<void> {
    const ms = this.#delayMs + (this.#bytesPerSecond === null ? 0 : (bytes / this.#bytesPerSecond) * 1_000);
    if (ms > 0) await sleep(ms);
  }
}

function carryAll(): Filters {
  return { toServer: (chunk) => chunk, toClient: (chunk) => chunk };
}

function cutPair({ client, server }: Pair): void {
  client.resetAndDestroy();
  server.destroy();
}
