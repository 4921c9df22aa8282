/** NATS servers that can be used or not, and command lines that are wrong. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import { Authority } from '../../kit/cluster/pki.js';
import { distillExit, DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { testServerBinary } from '../../kit/nats.js';

import { endingOfRun, hasModel, nothingLeft } from './ending.js';
import { program } from '../../kit/programs.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-server-'));
let job = '';
let binary = '';

beforeAll(async () => {
  job = writeSmallJob(folder, smallMnist(join(folder, 'data'), { train: 256, test: 64 }), (spec) => {
    Object.assign(spec.training, { epochs: 1 });
    spec.logits.maxBytes = '16Mi';
  });
  binary = await testServerBinary();
});

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0)) await end();
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** A port on loopback that greets every client with `greeting`. */
async function portThatSays(greeting: string): Promise<number> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.write(greeting);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  endings.push(async () => {
    server.close();
    await once(server, 'close');
  });
  return (server.address() as AddressInfo).port;
}

async function closedPort(): Promise<number> {
  const server = createServer();
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** A port that greets and keeps what clients say. */
async function portThatListens(greeting: string): Promise<{ readonly port: number; readonly received: () => string }> {
  let received = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.setEncoding('utf8').on('data', (text: string) => (received += text));
    socket.write(greeting);
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  endings.push(async () => {
    server.close();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, received: () => received };
}

/** A real server on a port of its own choice. */
async function natsServer(...options: readonly string[]): Promise<number> {
  const server: ChildProcess = spawn(binary, ['-a', '127.0.0.1', '-p', '-1', ...options], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const gone = once(server, 'exit');
  endings.push(async () => {
    server.kill('SIGKILL');
    await gone;
  });
  let log = '';
  const ready = Promise.withResolvers<number>();
  // Read on after that: a server whose log is not read would end.
  server.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
    const port = /Listening for client connections on 127\.0\.0\.1:(\d+)[^]*Server is ready/.exec(log)?.[1];
    if (port !== undefined) ready.resolve(Number(port));
  });
  void gone.then(() => ready.reject(new Error(`nats-server did not start: ${log}`)));
  return ready.promise;
}

let runs = 0;
const runWith = async (
  url: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<{
  readonly place: string;
  readonly seconds: number;
  readonly ending: Awaited<ReturnType<typeof endingOfRun>>;
}> => {
  const place = join(folder, `run-${String(runs++)}`);
  const began = performance.now();
  const ending = await endingOfRun(job, place, { ...environment, DISTILL_NATS_URL: url });
  return { place, seconds: (performance.now() - began) / 1_000, ending };
};

describe('a NATS server named by DISTILL_NATS_URL', () => {
  it.each([
    {
      what: 'that is not there',
      port: closedPort,
      want: 'connect ECONNREFUSED 127.0.0.1:PORT. Check that a nats-server runs there and can be reached.',
    },
    {
      what: 'that says nothing',
      port: () => portThatSays(''),
      want: 'no greeting within 5 s. Check that a nats-server runs there and can be reached.',
    },
    {
      what: 'that is a web server',
      port: () => portThatSays('HTTP/1.1 400 Bad Request\r\n\r\n'),
      want: 'it is not a NATS server. Check that a nats-server runs there and can be reached.',
    },
    {
      what: 'that is too old',
      port: () => portThatSays('INFO {"server_id":"A","server_name":"old","version":"2.9.10","jetstream":true}\r\n'),
      want: 'found version 2.9.10, expected 2.10.0 or newer. Upgrade it, or leave DISTILL_NATS_URL unset to have one started.',
    },
    {
      what: 'without JetStream',
      port: () => natsServer(),
      want: 'JetStream is off. Start the server with -js, or with a jetstream block in its configuration.',
    },
  ])('$what is refused', async ({ port, want }) => {
    const at = `127.0.0.1:${String(await port())}`;
    const { ending, seconds } = await runWith(`nats://${at}`);
    const { message, ...rest } = ending;
    expect(rest).toEqual({ exitCode: distillExit.unavailable, ...nothingLeft });
    expect(message.replace('nats://', '')).toBe(`NATS at ${at}: ${want.replace('127.0.0.1:PORT', at)}`);
    expect(seconds).toBeLessThan(15);
  });

  it.each([
    { url: 'nats://user:secret@:nowhere', want: 'it is not an address such as nats://host:4222' },
    { url: 'nats://slash:secret/secret@127.0.0.1:1', want: 'in a user, a password or a token, write / as %2F' },
    { url: 'nats://pct:secret100%@127.0.0.1:1', want: 'the percent-encoding of its user, password or token is wrong' },
    { url: 'https://secret@127.0.0.1:1', want: 'its scheme is neither nats:// nor tls://' },
  ])('that is not an address is refused without being shown: $want', async ({ url, want }) => {
    const { ending, place } = await runWith(url);
    const { message, ...rest } = ending;
    expect(rest).toEqual({ exitCode: distillExit.unavailable, ...nothingLeft });
    expect(message).toMatch(/^DISTILL_NATS_URL: /);
    expect(message).toContain(want);
    expect(message + textsIn(place)).not.toMatch(/secret|slash|pct/);
    expect(message).not.toContain('\n');
  });

  it('that does not know the login is refused, and no part of it is shown', async () => {
    const store = join(folder, 'store-refusing');
    const port = await natsServer('-js', '-sd', store, '--user', 'anna', '--pass', 'right');
    for (const login of ['berta:mistaken', 'mistaken']) {
      const { ending, place } = await runWith(`nats://${login}@127.0.0.1:${String(port)}`);
      expect(ending).toEqual({
        exitCode: distillExit.unavailable,
        message:
          `NATS at nats://127.0.0.1:${String(port)}: authentication failed: the server refuses the given ` +
          'login. Correct the user and the password, or the token.',
        ...nothingLeft,
      });
      expect(textsIn(place)).not.toMatch(/berta|mistaken/);
    }
    const none = await runWith(`nats://127.0.0.1:${String(port)}`);
    expect(none.ending).toMatchObject({ exitCode: distillExit.unavailable, ...nothingLeft });
    expect(none.ending.message).toContain(
      'authentication failed: the server asks for a login and none was given. Write it into the address, as in',
    );
  });

  it('whose account has no JetStream is refused with what to switch on', async () => {
    const configuration = join(folder, 'accounts.conf');
    const store = JSON.stringify(mkdtempSync(join(folder, 'store-')));
    const accounts = 'accounts { A { users [{ user: u, password: p }] }, B { jetstream: enabled } }';
    writeFileSync(configuration, `jetstream { store_dir: ${store} }\n${accounts}\n`);
    const port = await natsServer('-c', configuration);
    const { ending } = await runWith(`nats://u:p@127.0.0.1:${String(port)}`);
    expect(ending).toMatchObject({ exitCode: distillExit.unavailable, ...nothingLeft });
    expect(ending.message).toMatch(
      /JetStream is off for this account of the NATS server\. Enable jetstream .* max_file_store\.$/,
    );
  });

  it.each([
    { what: 'and asks for a token', options: ['--auth', 's3cr3t/tok'], login: 's3cr3t%2Ftok@', quote: "'" },
    { what: 'and asks for none', options: [], login: '', quote: '"' },
  ])('that can be used $what is used and left running', async ({ options, login, quote }) => {
    const store = mkdtempSync(join(folder, 'store-'));
    const port = await natsServer('-js', '-sd', store, ...options);
    // As an env file of Docker keeps the quotes, and after a server that is gone.
    const list = `nats://${login}127.0.0.1:${String(await closedPort())},nats://${login}127.0.0.1:${String(port)}`;
    const { place, ending } = await runWith(`${quote}${list}${quote}`);
    expect(ending).toEqual({ exitCode: distillExit.ok, message: '', ...nothingLeft });
    expect(hasModel(place)).toBe(true);
    expect(textsIn(join(place, 'logs'))).not.toContain('s3cr3t');
  });

  it('with TLS and a password is used, in upper and lower case of the scheme', async () => {
    const authority = await Authority.create(join(folder, 'authority'));
    const { certificate, key } = await authority.issue('server', { commonName: 'nats', names: ['DNS:localhost'] });
    const store = mkdtempSync(join(folder, 'store-'));
    const tls = ['--tls', '--tlscert', certificate, '--tlskey', key];
    const port = await natsServer('-js', '-sd', store, '--user', 'anna', '--pass', 'r@ght', ...tls);
    const trusted = { NODE_EXTRA_CA_CERTS: authority.certificate };
    const { ending } = await runWith(`TLS://anna:r%40ght@localhost:${String(port)}`, trusted);
    expect(ending).toEqual({ exitCode: distillExit.ok, message: '', ...nothingLeft });
  });

  it('without TLS is refused for a tls:// address, before any login is sent', async () => {
    const { port, received } = await portThatListens(
      'INFO {"server_id":"A","server_name":"plain","version":"2.14.5","jetstream":true,"max_payload":1048576}\r\n',
    );
    const { ending } = await runWith(`TLS://anna:r%40ght@127.0.0.1:${String(port)}`);
    expect(ending).toMatchObject({ exitCode: distillExit.unavailable, ...nothingLeft });
    expect(ending.message).toBe(
      `NATS at 127.0.0.1:${String(port)}: it offers no TLS, and tls:// in the address asks for it. Switch TLS on there, or write nats://.`,
    );
    expect(received()).not.toMatch(/anna|ght/);
  });
});

/** Everything that a run wrote into its folder but models and the files by which workers get their logins. */
function textsIn(place: string): string {
  if (!existsSync(place)) return '';
  return readdirSync(place, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /\.(json|log|end)$/.test(entry.name))
    .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'utf8'))
    .join('\n');
}

describe('the command line', () => {
  const endOf = async (...args: readonly string[]): Promise<{ readonly code: number; readonly stderr: string }> => {
    const run = new DistillProcess(args);
    return { code: await run.ended(), stderr: run.stderr };
  };

  it.each([
    { args: [], want: 'Usage: distill' },
    { args: ['distill'], want: "error: unknown command 'distill'" },
    { args: ['run'], want: 'distill run: no job file is given. Name one, or a stopped run with --resume.' },
    {
      args: ['run', 'a.yaml', '--resume', 'b'],
      want: 'distill run: a job file and --resume are both given. Leave out one of them.',
    },
    { args: ['run', 'a.yaml', 'b.yaml'], want: 'error: too many arguments' },
    { args: ['run', 'a.yaml', '--sluts', '1'], want: "error: unknown option '--sluts'\n(Did you mean --slots?)" },
    { args: ['run', 'a.yaml', '--slots', 'none'], want: 'expected a whole number from 1' },
    { args: ['run', 'a.yaml', '--slots', '0'], want: 'expected a whole number from 1' },
    { args: ['validate'], want: "error: missing required argument 'file'" },
    { args: ['fetch'], want: "error: missing required argument 'job'" },
  ])('$args ends with 2 and says why', async ({ args, want }) => {
    const { code, stderr } = await endOf(...args);
    expect(stderr).toContain(want);
    expect(code).toBe(distillExit.usage);
  });

  it.each([
    { current: 'nope', want: 'found no context "nope", expected one of x. Name one that exists.' },
    { current: '', want: 'found no current context, expected one of x. Name one that exists.' },
  ])(
    'of a kubeconfig with the current context "$current" says what it has, without a stack',
    async ({ current, want }) => {
      const file = join(folder, `kubeconfig-${current}`);
      const content = { contexts: [{ name: 'x', context: { cluster: 'c' } }], 'current-context': current };
      writeFileSync(file, JSON.stringify(content));
      const { code, stderr } = await endOf('plan', '--kubeconfig', file);
      expect(stderr).toBe(
        `kubeconfig ${file}: ${want.replace(/\.$/, '')} (--kubeconfig and --context choose others).\n`,
      );
      expect(code).toBe(distillExit.usage);
      const operator = spawn(process.execPath, [program('src/operator/main')], {
        stdio: ['ignore', 'ignore', 'pipe'],
        env: {
          PATH: process.env.PATH,
          DISTILLERY_KUBECONFIG: file,
          DISTILLERY_NATS_URL: 'nats://nats',
          DISTILLERY_WORKER_IMAGE: 'worker',
          DISTILLERY_NATS_USER: 'a',
          DISTILLERY_NATS_PASSWORD_FILE: job,
          DISTILLERY_WORKER_NATS_USER: 'b',
          DISTILLERY_WORKER_NATS_PASSWORD_FILE: job,
        },
      });
      let said = '';
      operator.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
      expect(await once(operator, 'close')).toEqual([2, null]);
      expect(said).toBe(`kubeconfig ${file}: ${want}\n`);
    },
  );

  it.each([
    { args: ['--help'] },
    { args: ['run', '--help'] },
    { args: ['validate', '--help'] },
    { args: ['fetch', '--help'] },
    { args: ['--version'] },
  ])('$args ends with 0 and no complaint', async ({ args }) => {
    expect(await endOf(...args)).toEqual({ code: distillExit.ok, stderr: '' });
  });
});
