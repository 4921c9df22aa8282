/** A real S3 server (versitygw) over a folder: its own port, its own root credentials, and users that tests make. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { AwsV4Signer } from 'aws4fetch';
import { Agent, request } from 'undici';

import { freePorts } from './cluster/ports.js';
import { Processes } from './cluster/processes.js';
import type { Credentials } from './cluster/pki.js';
import { buildTools, s3Tools, toolPath } from './cluster/tools.js';
import { until } from './until.js';

export interface S3Keys {
  readonly id: string;
  readonly secret: string;
}

export const rootKeys: S3Keys = { id: 'root-of-the-test', secret: 'word-of-the-root-of-the-test' };

export interface S3Server {
  /** https:// with `tls`, else http://. */
  readonly endpoint: string;
  /** Variables of AWS for a reader with these keys. */
  variables(keys?: S3Keys): Record<string, string>;
  makeBucket(bucket: string): Promise<void>;
  put(bucket: string, key: string, body: Uint8Array): Promise<void>;
  /** Null: there is no such object. */
  get(bucket: string, key: string): Promise<Buffer | null>;
  /** Keys that begin with a prefix, in order. */
  keys(bucket: string, prefix: string): Promise<string[]>;
  remove(bucket: string, key: string): Promise<void>;
  /** A user who may do everything. */
  addUser(keys: S3Keys): Promise<void>;
  /** A user who may do in one bucket what `actions` name, such as `s3:GetObject`. One such user for each bucket. */
  addBoundUser(keys: S3Keys, bucket: string, actions: readonly string[]): Promise<void>;
  removeUser(keys: S3Keys): Promise<void>;
  /** A line for each request. */
  log(): Promise<string>;
  stop(): Promise<void>;
}

const runFile = promisify(execFile);

/** @param tls the server's certificate; absent = it speaks http */
export async function startS3Server(tls?: Credentials): Promise<S3Server> {
  await buildTools({ groups: [s3Tools] });
  const folder = await mkdtemp(join(tmpdir(), 'distillery-s3-'));
  const [port = 0] = await freePorts(1);
  const places = { data: join(folder, 'data'), facts: join(folder, 'facts'), users: join(folder, 'users') };
  await Promise.all(Object.values(places).map((path) => mkdir(path)));
  const processes = await Processes.open(folder);
  const certificate = tls === undefined ? [] : ['--cert', tls.certificate, '--key', tls.key];
  const kept = await processes.start({
    name: 'versitygw',
    command: toolPath('versitygw'),
    args: [
      ...['--port', `127.0.0.1:${String(port)}`, '--iam-dir', places.users, ...certificate],
      ...['posix', '--sidecar', places.facts, places.data],
    ],
    env: { ROOT_ACCESS_KEY_ID: rootKeys.id, ROOT_SECRET_ACCESS_KEY: rootKeys.secret, HOME: folder, PATH: '' },
  });
  const endpoint = `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${String(port)}`;
  // What is tested is the reader's trust, not this one's.
  const agent = new Agent({ connect: { rejectUnauthorized: false } });
  const ask = async (method: string, path: string, body?: Uint8Array): Promise<{ status: number; body: Buffer }> => {
    const signer = new AwsV4Signer({
      method,
      url: `${endpoint}/${path}`,
      accessKeyId: rootKeys.id,
      secretAccessKey: rootKeys.secret,
      service: 's3',
      region: 'us-east-1',
    });
    const { headers } = await signer.sign();
    const answer = await request(`${endpoint}/${path}`, {
      method: method as 'PUT',
      dispatcher: agent,
      headers: Object.fromEntries(headers.entries()),
      ...(body === undefined ? {} : { body: Buffer.from(body) }),
    });
    return { status: answer.statusCode, body: Buffer.from(await answer.body.arrayBuffer()) };
  };
  const send = async (method: string, path: string, body?: Uint8Array): Promise<number> =>
    (await ask(method, path, body)).status;
  const asked = async (method: string, path: string, body?: Uint8Array): Promise<void> => {
    const status = await send(method, path, body);
    if (status >= 300) throw new Error(`${method} ${path}: HTTP status ${String(status)}\n${await kept.lastWords()}`);
  };
  const admin = async (...args: readonly string[]): Promise<void> => {
    const login = ['--access', rootKeys.id, '--secret', rootKeys.secret, '--endpoint-url', endpoint];
    await runFile(toolPath('versitygw'), ['admin', '--allow-insecure', ...login, ...args]);
  };
  const answers = (): Promise<boolean> =>
    send('GET', '').then(
      (status) => status === 200,
      () => false,
    );
  await until('the S3 server answers', answers, () => kept.lastWords()).catch(async (error: unknown) => {
    await processes.close();
    throw error;
  });
  return {
    endpoint,
    variables: ({ id, secret } = rootKeys) => ({
      AWS_ACCESS_KEY_ID: id,
      AWS_SECRET_ACCESS_KEY: secret,
      AWS_ENDPOINT_URL: endpoint,
    }),
    makeBucket: (bucket) => asked('PUT', bucket),
    put: (bucket, key, body) => asked('PUT', `${bucket}/${encodedKey(key)}`, body),
    get: async (bucket, key) => {
      const { status, body } = await ask('GET', `${bucket}/${encodedKey(key)}`);
      return status === 200 ? body : null;
    },
    keys: async (bucket, prefix) => {
      const { body } = await ask('GET', `${bucket}?list-type=2&prefix=${encodeURIComponent(prefix)}`);
      return [...body.toString('utf8').matchAll(/<Key>([^<]+)<\/Key>/g)].map(([, key = '']) => key).sort();
    },
    remove: (bucket, key) => asked('DELETE', `${bucket}/${encodedKey(key)}`),
    addUser: ({ id, secret }) => admin('create-user', '--access', id, '--secret', secret, '--role', 'admin'),
    addBoundUser: async ({ id, secret }, bucket, actions) => {
      await admin('create-user', '--access', id, '--secret', secret, '--role', 'user');
      const Resource = [`arn:aws:s3:::${bucket}`, `arn:aws:s3:::${bucket}/*`];
      const Statement = [{ Effect: 'Allow', Principal: { AWS: [id] }, Action: actions, Resource }];
      await asked('PUT', `${bucket}?policy`, Buffer.from(JSON.stringify({ Version: '2012-10-17', Statement })));
    },
    removeUser: ({ id }) => admin('delete-user', '--access', id),
    log: () => readFile(kept.logFile, 'utf8'),
    stop: async () => {
      await agent.destroy();
      await processes.close();
    },
  };
}

function encodedKey(key: string): string {
  return key
    .split('/')
    .map((part) =>
      encodeURIComponent(part).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`),
    )
    .join('/');
}
