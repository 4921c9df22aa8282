/** TLS to a server that is named by its IP address, and what is said of certificates that are refused; operator and worker. */
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { connectStreams } from '../../../src/stream/index.js';
import type { ServerStart } from '../../../src/stream/server/config.js';
import { launchNatsServer } from '../../../src/stream/server/start.js';
import { connectWorker } from '../../../workers/stream/index.js';
import { Authority } from '../../kit/cluster/pki.js';
import { testServerBinary } from '../../kit/nats.js';
import { quietLog, systemClock } from '../../kit/stream.js';
import { until } from '../../kit/until.js';

const user = { user: 'anna', password: 'right' };
const ownAuthorities = getCACertificates('default');
const closers: (() => Promise<void>)[] = [];
let folder: string;
let trusted: Authority;
let unknown: Authority;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-tls-'));
  closers.push(() => rm(folder, { recursive: true, force: true }));
  trusted = await Authority.create(join(folder, 'trusted'));
  unknown = await Authority.create(join(folder, 'unknown'));
  setDefaultCACertificates([...ownAuthorities, await readFile(trusted.certificate, 'utf8')]);
});
afterAll(async () => {
  setDefaultCACertificates(ownAuthorities);
  for (const close of closers.reverse()) await close();
});

/** The certificates that a client is given, in files that may change. */
interface Files {
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

interface Served {
  readonly host?: '127.0.0.1' | '::1';
  /** What its certificate lists, as openssl writes it. */
  readonly names: readonly string[];
  readonly authority?: Authority;
  /** Asks clients for certificates of this authority. */
  readonly clients?: Authority;
}

/** @returns the port of a server that requires TLS */
async function serve(
  name: string,
  { host = '127.0.0.1', names, authority = trusted, clients }: Served,
): Promise<number> {
  const { certificate, key } = await authority.issue(name, { commonName: name, names });
  const server = await launchNatsServer({
    binary: await testServerBinary(),
    folder: join(folder, `server-${name}`),
    serverName: name,
    host,
    configuration: ({ serverName, port, storeFolder, logFile }) =>
      JSON.stringify({
        server_name: serverName,
        listen: `${host === '::1' ? '[::1]' : host}:${String(port)}`,
        log_file: logFile,
        jetstream: { store_dir: storeFolder },
        tls: {
          cert_file: certificate,
          key_file: key,
          ...(clients === undefined ? {} : { ca_file: clients.certificate, verify: true }),
        },
        authorization: { users: [user] },
      }),
  });
  closers.push(() => server.stop());
  return server.port;
}

interface Client {
  readonly who: string;
  /** Connects once and closes again. */
  readonly meet: (url: string, tls?: Files) => Promise<void>;
}
const clients: readonly Client[] = [
  {
    who: 'the operator',
    meet: async (url, tls) => (await connectStreams({ url, ...user, tls, waitMs: 1_000 })).close(),
  },
  {
    who: 'a worker',
    meet: async (url, tls = {}) => {
      const login = { kind: 'password', ...user } as const;
      const given = { inboxPrefix: '_INBOX_x', name: 'w', waitMs: 1_000, clock: systemClock, log: quietLog };
      await (await connectWorker({ ...given, url, login, tls })).close();
    },
  },
];

describe.each(clients)('$who', ({ who, meet }) => {
  const called = (name: string): string => `${who.replaceAll(' ', '-')}-${name}`;

  test('takes the certificate of an IPv4 address that is in it', async () => {
    const port = await serve(called('v4'), { names: ['IP:127.0.0.1'] });
    await meet(`tls://127.0.0.1:${String(port)}`);
  });

  test('takes the certificate of an IPv6 address that is in it', async () => {
    const port = await serve(called('v6'), { host: '::1', names: ['IP:::1'] });
    await meet(`tls://[::1]:${String(port)}`);
  });

  test('takes a server by its name in a list with addresses, wherever it stands', async () => {
    const port = String(await serve(called('name'), { names: ['DNS:localhost'] }));
    await meet(`tls://localhost:${port}`);
    await meet(`tls://127.0.0.2:1,tls://localhost:${port}`);
    await meet(`tls://localhost:${port},tls://127.0.0.2:1`);
  });

  test.each([
    ['of another address', ['IP:127.0.0.9']],
    ['of localhost, which Node asks for where no name is given', ['DNS:localhost']],
  ])('refuses the certificate %s', async (what, names) => {
    const port = await serve(called(what.slice(0, 6).replaceAll(' ', '-')), { names });
    const url = `tls://127.0.0.1:${String(port)}`;
    await expect(meet(url)).rejects.toThrow(
      new RegExp(
        `^NATS at ${url}: no TLS connection: the server certificate is for other hosts \\(.+\\)\\. Connect by a name or an ` +
          'address that it lists, or add this one to it\\.$',
      ),
    );
  });

  test('says how to trust an authority', async () => {
    const port = await serve(called('unknown'), { names: ['IP:127.0.0.1'], authority: unknown });
    await expect(meet(`tls://127.0.0.1:${String(port)}`)).rejects.toThrow(
      /: the server certificate is not signed by an authority that is trusted here \(.+\)\. Set NODE_EXTRA_CA_CERTS to the file of its authority\.$/,
    );
  });

  test('names tls:// as the remedy where only the server asks for TLS', async () => {
    const port = await serve(called('plain'), { names: ['IP:127.0.0.1'] });
    await expect(meet(`nats://127.0.0.1:${String(port)}`)).rejects.toThrow(
      /asks for TLS \(.+\)\. Write tls:\/\/ instead of nats:\/\//,
    );
    await meet(`tls://127.0.0.1:${String(port)}`);
  });

  test('trusts the authority of its file, and then no other', async () => {
    const port = await serve(called('own'), { names: ['IP:127.0.0.1'], authority: unknown });
    await meet(`tls://127.0.0.1:${String(port)}`, { caFile: unknown.certificate });
    const usual = await serve(called('usual'), { names: ['IP:127.0.0.1'] });
    await expect(meet(`tls://127.0.0.1:${String(usual)}`, { caFile: unknown.certificate })).rejects.toThrow(
      /not signed by an authority that is trusted here/,
    );
  });

  test('shows its certificate to a server that asks for one, and is refused with a sentence without it', async () => {
    const port = await serve(called('mutual'), { names: ['IP:127.0.0.1'], clients: unknown });
    const url = `tls://127.0.0.1:${String(port)}`;
    const own = await unknown.issue(called('client'), { commonName: 'client', names: [] });
    const files = { certFile: own.certificate, keyFile: own.key };
    await meet(url, files);
    const foreign = await trusted.issue(called('foreign'), { commonName: 'client', names: [] });
    for (const wrong of [undefined, { certFile: foreign.certificate, keyFile: foreign.key }]) {
      await expect(meet(url, wrong)).rejects.toThrow(
        /\(timeout; a server that asks clients for certificates may not trust the one given, or none was given\)/,
      );
    }
    await expect(meet(url, { ...files, keyFile: join(folder, 'gone.key') })).rejects.toThrow(/gone\.key/);
  });
});

test('a worker goes on with certificates that were exchanged while it ran', async () => {
  const live = {
    caFile: join(folder, 'live-ca.crt'),
    certFile: join(folder, 'live.crt'),
    keyFile: join(folder, 'live.key'),
  };
  const issueFrom = async (authority: Authority, name: string): Promise<void> => {
    const client = await authority.issue(`${name}-client`, { commonName: 'client', names: [] });
    const server = await authority.issue(`${name}-server`, { commonName: 'server', names: ['IP:127.0.0.1'] });
    await copyFile(authority.certificate, live.caFile);
    await copyFile(client.certificate, live.certFile);
    await copyFile(client.key, live.keyFile);
    await copyFile(server.certificate, join(folder, 'live-server.crt'));
    await copyFile(server.key, join(folder, 'live-server.key'));
  };
  await issueFrom(trusted, 'first');
  const options = {
    binary: await testServerBinary(),
    folder: join(folder, 'server-live'),
    serverName: 'live',
    host: '127.0.0.1',
    configuration: ({ serverName, port, storeFolder, logFile }: ServerStart) =>
      JSON.stringify({
        server_name: serverName,
        listen: `127.0.0.1:${String(port)}`,
        log_file: logFile,
        jetstream: { store_dir: storeFolder },
        tls: {
          cert_file: join(folder, 'live-server.crt'),
          key_file: join(folder, 'live-server.key'),
          ca_file: live.caFile,
          verify: true,
        },
        authorization: { users: [user] },
      }),
  };
  let server = await launchNatsServer(options);
  closers.push(() => server.stop());
  const given = { inboxPrefix: '_INBOX_x', name: 'w', waitMs: 60_000, clock: systemClock, log: quietLog, tls: live };
  const login = { kind: 'password', ...user } as const;
  const link = await connectWorker({ ...given, url: `tls://127.0.0.1:${String(server.port)}`, login });
  closers.push(() => link.close());
  await server.stop();
  await until('the loss', () => !link.connected);
  await issueFrom(unknown, 'second');
  server = await launchNatsServer({ ...options, port: server.port });
  await until('the connection', () => link.connected);
});
