/** TLS to a server that is named by its IP address, and what is said of certificates that are refused; operator and worker. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { connectStreams } from '../../../src/stream/index.js';
import { launchNatsServer } from '../../../src/stream/server/start.js';
import { connectWorker } from '../../../workers/stream/index.js';
import { Authority } from '../../kit/cluster/pki.js';
import { testServerBinary } from '../../kit/nats.js';
import { quietLog, systemClock } from '../../kit/stream.js';

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

interface Served {
  readonly host?: '127.0.0.1' | '::1';
  /** What its certificate lists, as openssl writes it. */
  readonly names: readonly string[];
  readonly authority?: Authority;
}

/** @returns the port of a server that requires TLS */
async function serve(name: string, { host = '127.0.0.1', names, authority = trusted }: Served): Promise<number> {
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
        tls: { cert_file: certificate, key_file: key },
        authorization: { users: [user] },
      }),
  });
  closers.push(() => server.stop());
  return server.port;
}

interface Client {
  readonly who: string;
  /** Connects once and closes again. */
  readonly meet: (url: string) => Promise<void>;
}
const clients: readonly Client[] = [
  {
    who: 'the operator',
    meet: async (url) => (await connectStreams({ url, ...user, waitMs: 1_000 })).close(),
  },
  {
    who: 'a worker',
    meet: async (url) => {
      const login = { kind: 'password', ...user } as const;
      const given = { inboxPrefix: '_INBOX_x', name: 'w', waitMs: 1_000, clock: systemClock, log: quietLog };
      await (await connectWorker({ ...given, url, login })).close();
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
});
