/**
 * A collector of traces: an HTTP server that takes OTLP in protobuf at /v1/traces and keeps the spans. It reads the wire format
 * itself, so that a test sees what another collector would (opentelemetry-proto v1: trace.proto, common.proto).
 */
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for the first span of a trace. */
  readonly parentSpanId: string;
  readonly name: string;
  /** 1 internal, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly startNs: bigint;
  readonly endNs: bigint;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  /** 2 = error. */
  readonly status: number;
}

export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly endpoint: string;
  readonly spans: readonly ReceivedSpan[];
  /** Paths of requests that were refused. */
  readonly refused: readonly string[];
  /** Answers 503 from now on, or again takes spans. */
  refuse(isRefused: boolean): void;
  close(): Promise<void>;
}

export async function otlpReceiver(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const refused: string[] = [];
  let isClosed = false;
  const server = createServer((request, response) => {
    void bodyOf(request).then((body) => {
      const { url = '', headers } = request;
      const isGood = url === '/v1/traces' && headers['content-type'] === 'application/x-protobuf' && !isClosed;
      if (isGood) spans.push(...readRequest(body));
      else refused.push(url);
      response.writeHead(isGood ? 200 : 503, { 'content-type': 'application/x-protobuf' }).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    endpoint: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    spans,
    refused,
    refuse: (isRefused) => {
      isClosed = isRefused;
    },
    async close() {
      const done = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await done;
    },
  };
}

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts);
}

/** A field's values in their order: numbers of varints and fixed64 as bigint, the rest as bytes. */
type Fields = ReadonlyMap<number, readonly (bigint | Buffer)[]>;

function fieldsOf(message: Buffer): Fields {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = message.readUInt8(at++);
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const value = (wire: number): bigint | Buffer => {
    if (wire === 0) return varint();
    const length = wire === 1 ? 8 : wire === 5 ? 4 : Number(varint());
    if (at + length > message.length) throw new RangeError('a field is longer than its message');
    const bytes = message.subarray(at, at + length);
    at += length;
    return wire === 1 ? bytes.readBigUInt64LE() : bytes;
  };
  while (at < message.length) {
    const key = Number(varint());
    const number = key >> 3;
    fields.set(number, [...(fields.get(number) ?? []), value(key & 7)]);
  }
  return fields;
}

const messages = (fields: Fields, number: number): Buffer[] => (fields.get(number) ?? []).map((one) => one as Buffer);
const hex = (fields: Fields, number: number): string => messages(fields, number)[0]?.toString('hex') ?? '';
const text = (fields: Fields, number: number): string => messages(fields, number)[0]?.toString() ?? '';
const number = (fields: Fields, at: number): bigint => (fields.get(at)?.[0] ?? 0n) as bigint;

function attributesOf(fields: Fields, at: number): Record<string, unknown> {
  return Object.fromEntries(
    messages(fields, at).map((one) => {
      const pair = fieldsOf(one);
      return [text(pair, 1), valueOf(fieldsOf(messages(pair, 2)[0] ?? Buffer.alloc(0)))];
    }),
  );
}

function valueOf(fields: Fields): unknown {
  if (fields.has(1)) return text(fields, 1);
  if (fields.has(2)) return number(fields, 2) === 1n;
  if (fields.has(3)) return Number(BigInt.asIntN(64, number(fields, 3)));
  if (!fields.has(4)) return null;
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(number(fields, 4));
  return bytes.readDoubleLE();
}

function readRequest(body: Buffer): ReceivedSpan[] {
  return messages(fieldsOf(body), 1).flatMap((one) => {
    const resourceSpans = fieldsOf(one);
    const resource = attributesOf(fieldsOf(messages(resourceSpans, 1)[0] ?? Buffer.alloc(0)), 1);
    return messages(resourceSpans, 2).flatMap((scope) =>
      messages(fieldsOf(scope), 2).map((span) => spanOf(fieldsOf(span), resource)),
    );
  });
}

function spanOf(span: Fields, resource: Readonly<Record<string, unknown>>): ReceivedSpan {
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentSpanId: hex(span, 4),
    name: text(span, 5),
    kind: Number(number(span, 6)),
    startNs: number(span, 7),
    endNs: number(span, 8),
    attributes: attributesOf(span, 9),
    resource,
    status: Number(number(fieldsOf(messages(span, 15)[0] ?? Buffer.alloc(0)), 3)),
  };
}
