/** Real processes that share a cache folder, and that are killed while they download. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { Authority } from '../../kit/cluster/pki.js';
import { until } from '../../kit/until.js';
import { WebServer } from '../../kit/web-server.js';

const door = join(import.meta.dirname, '../../../dist/workers/process/index.js');
const bytes = randomBytes(400_000);

/** Prints the path of the file. */
const program = `
  import { placesOf } from ${JSON.stringify(door)};
  const [, folder, uri] = process.argv;
  const variables = { kind: 'variables', values: {} };
  const credentials = { dataset: variables, model: variables, checkpoint: variables, output: variables };
  const environment = { cache: { folder, maxBytes: null }, credentials };
  const log = { info: () => undefined, warn: () => undefined };
  const places = placesOf(environment, log, new AbortController().signal);
  process.stdout.write((await places.resolve(uri, 'model')).path);
  process.exit(0);
`;

let folder = '';
let authority: Authority;
let web: WebServer;
let cache = '';
const children = new Set<ChildProcess>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-processes-'));
  authority = await Authority.create(join(folder, 'pki'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));
beforeEach(async () => {
  web = await WebServer.start(await authority.issue('web', { commonName: 'web', names: ['IP:127.0.0.1'] }));
  web.put('teacher.onnx', bytes);
  cache = join(await mkdtemp(join(folder, 'run-')), 'cache');
});
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  await web.stop();
});

interface Fetching {
  readonly kill: () => void;
  readonly path: Promise<string>;
}

function fetching(): Fetching {
  const uri = `https://${web.host}/teacher.onnx`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program, cache, uri], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: authority.certificate },
  });
  children.add(child);
  let output = '';
  child.stdout.on('data', (piece: Buffer) => (output += piece.toString('utf8')));
  const path = once(child, 'close').then(() => {
    children.delete(child);
    return output;
  });
  return { kill: () => void child.kill('SIGKILL'), path };
}

/** Bytes of the largest file that is being downloaded. */
function begun(): number {
  if (!existsSync(cache)) return 0;
  const sizes = readdirSync(cache, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.stage\/parts\/[0-9a-f]+$/.test(name))
    .map((name) => statSync(join(cache, name), { throwIfNoEntry: false })?.size ?? 0);
  return Math.max(0, ...sizes);
}

function fetched(): number[] {
  return web.seen.map(({ status }) => status).filter((status) => status !== 304);
}

describe('processes of one machine', () => {
  test('fetch a file once', async () => {
    const paths = await Promise.all(Array.from({ length: 4 }, () => fetching().path));
    expect(new Set(paths).size).toBe(1);
    expect(readFileSync(paths[0] ?? '').equals(bytes)).toBe(true);
    expect(fetched()).toEqual([200]);
  });

  test('go on where a killed one ended', async () => {
    web.next({ kind: 'stall', after: 300_000 });
    const killed = fetching();
    await until('most of the file is there', () => begun() >= 300_000);
    const others = [fetching(), fetching()];
    killed.kill();
    expect(await killed.path).toBe('');
    const paths = await Promise.all(others.map(({ path }) => path));
    expect(new Set(paths).size).toBe(1);
    expect(readFileSync(paths[0] ?? '').equals(bytes)).toBe(true);
    expect(fetched()).toEqual([200, 206]);
    expect(web.seen.find(({ status }) => status === 206)?.headers.range).toBe('bytes=300000-');
    expect(readdirSync(cache).filter((name) => /\.(stage|lock|gone)$/.test(name))).toEqual([]);
  });
});
