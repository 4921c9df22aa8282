/**
 * A real nats-server in operator (JWT) mode, as a platform team runs it: an operator with a signing key, a system account,
 * one account whose signing key signs users, and a resolver that accepts more accounts. The official libraries make
 * everything except our own accounts and credentials.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jobNames } from '@distillery/protocol';
import { encodeAccount, encodeOperator, encodeUser, fmtCreds } from '@nats-io/jwt';
import { createAccount, createOperator, createUser, type KeyPair } from '@nats-io/nkeys';

import {
  accountUserCreds,
  credsIssuer,
  type CredsLifetime,
  Keyring,
  operatorInboxPrefix,
  type Permissions,
  permissionsFor,
  permissionsForSystem,
} from '../../src/stream/index.js';
import type { ServerStart } from '../../src/stream/server/config.js';
import { launchNatsServer, type NatsServer } from '../../src/stream/server/start.js';

import { type CredsLogin, testServerBinary, type TestNats } from './nats.js';

export interface OperatorNats extends TestNats<CredsLogin> {
  /** Public key of the account. */
  readonly account: string;
  /** Seed of the account's one signing key, which is not the account's own. */
  readonly accountSigningSeed: string;
  /** HOST:PORT of the server's monitoring, with its streams and consumers; null = no monitoring. */
  readonly monitoring: string | null;
  /** Text of .creds files. */
  readonly operatorCreds: string;
  readonly rootCreds: string;
  /**
   * Replaces the signing key of the account and restarts the server; from 2.15 on a reload of its configuration would have
   * the same effect.
   * @returns the operator's new input from the platform; values of this server from before belong to the old key
   */
  rotateSigningKey(): Promise<{ readonly signingSeed: string; readonly operatorCreds: string }>;
  /** The mode of an operator of the kit: one account per namespace, or this one account for all. */
  readonly mode: 'accounts' | 'signed';
  /** The operator's input from the platform for one account per namespace; each value is the text of a file. */
  readonly accounts: { readonly systemCreds: string; readonly operatorSigningSeed: string };
  /** The same system credentials, which end at this time, in seconds since 1970. */
  systemCredsUntil(endSeconds: number): Promise<string>;
  /** The same with other rights, as a person may have given them. */
  systemCredsWith(rights: Permissions): Promise<string>;
  /** Credentials with all rights in the account that the operator made for a namespace. */
  rootOf(namespace: string): CredsLogin;
  /** Stops the server, removes every account that it did not start with, and starts it again. */
  forgetAccounts(): Promise<void>;
  /**
   * Replaces the NATS operator's signing key and restarts the server.
   * @returns the seed of the new one
   */
  rotateOperatorKey(): Promise<string>;
  /** Number of refused logins in the running server's log. */
  refusals(): Promise<number>;
}

/** Of workers' credentials, as an operator issues them. */
export const testLifetime: CredsLifetime = { seconds: 7 * 24 * 3_600, nowMs: () => Date.now() };

/** Creation time of all jobs of the tests. */
export const testCreatedAtMs = Date.UTC(2026, 0, 2, 3, 4, 5);

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** Limits of the account, by the names of its JWT; bytes are those that streams reserve, not those that they hold. */
export interface JetStreamLimits {
  readonly mem_storage: number;
  readonly disk_storage: number;
  readonly streams: number;
  readonly consumer: number;
}

export async function startOperatorNats({
  host = '127.0.0.1',
  limits = fewJobs,
  monitoringPort = null,
  resolver = 'full',
  mode = 'signed',
  tls = null,
  store = null,
}: {
  readonly host?: string;
  readonly limits?: JetStreamLimits;
  /** On loopback; absent = no monitoring. */
  readonly monitoringPort?: number | null;
  /** memory = it accepts no accounts but those that it starts with. */
  readonly resolver?: 'full' | 'memory';
  readonly mode?: OperatorNats['mode'];
  /** Fields of the server's `tls` block; absent = it offers no TLS. */
  readonly tls?: object | null;
  /** Maximum size of all streams of all accounts, in bytes; absent = what the limits or the machine give. */
  readonly store?: ServerStore | null;
} = {}): Promise<OperatorNats> {
  const binary = await testServerBinary();
  const folder = await mkdtemp(join(tmpdir(), 'distillery-nats-operator-'));
  const keys = {
    operator: createOperator(),
    system: createAccount(),
    systemSigner: createAccount(),
    account: createAccount(),
  };
  const resolverFolder = join(folder, 'accounts');
  const monitoring = monitoringPort === null ? null : `127.0.0.1:${String(monitoringPort)}`;
  let signer = createAccount();
  let operatorSigner = createOperator();
  const configured = (): Promise<(place: ServerStart) => string> =>
    configurationOf({
      keys,
      signer,
      operatorSigner,
      limits,
      monitoring,
      resolverFolder: resolver === 'full' ? resolverFolder : null,
      tls,
      store: store ?? storeFor(limits),
    });

  let configuration = await configured();
  const serverName = `test-${randomBytes(6).toString('hex')}`;
  const options = { binary, folder, serverName, host, configuration: (place: ServerStart) => configuration(place) };
  let server: NatsServer = await launchNatsServer(options);

  const restart = async (): Promise<void> => {
    await server.stop();
    server = await launchNatsServer({ ...options, port: server.port });
  };
  const restartWith = async (change: () => void): Promise<void> => {
    await server.stop();
    change();
    configuration = await configured();
    // Of two versions of the same second the server would keep the older one.
    await rm(resolverFolder, { recursive: true, force: true });
    server = await launchNatsServer({ ...options, port: server.port });
  };
  const userOf = (name: string, permissions: Permissions): Promise<string> =>
    credsOf(name, keys.account, signer, permissions);
  const systemCreds = await credsOf('distillery', keys.system, keys.systemSigner, permissionsForSystem);
  const operatorSigningSeed = text(operatorSigner.getSeed());
  const keyring = new Keyring({ signingSeed: operatorSigningSeed, accountsSeed: operatorSigningSeed });
  const operatorCreds = await userOf('operator', permissionsFor('operator', jobNames('any')));
  const rootCreds = await userOf('root', { publish: ['>'], subscribe: ['>'] });
  const account = keys.account.getPublicKey();
  const accountSigningSeed = text(signer.getSeed());
  const issue = credsIssuer({ url: server.url, signingSeed: accountSigningSeed, account, lifetime: testLifetime });
  return {
    url: server.url,
    account,
    accountSigningSeed,
    monitoring,
    operatorCreds,
    rootCreds,
    operator: { creds: operatorCreds, inboxPrefix: operatorInboxPrefix },
    root: { creds: rootCreds, inboxPrefix: '_INBOX' },
    // Any job has credentials: they are made here, as the operator makes them.
    userFor: (role, uid) => {
      const access = issue({ uid, createdAtMs: testCreatedAtMs }, role);
      if (access.kind !== 'creds') throw new Error('credentials are issued here');
      return { creds: access.creds, inboxPrefix: jobNames(uid).inboxPrefix(role) };
    },
    get serverPid() {
      return server.pid;
    },
    kill: async () => {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
    },
    restart,
    mode,
    accounts: { systemCreds, operatorSigningSeed },
    systemCredsWith: (rights) => credsOf('distillery', keys.system, keys.systemSigner, rights),
    systemCredsUntil: (exp) => credsOf('distillery', keys.system, keys.systemSigner, permissionsForSystem, { exp }),
    rootOf: (namespace) => ({
      creds: accountUserCreds(keyring.keysOf(namespace), 'root', { publish: ['>'], subscribe: ['>'] }),
      inboxPrefix: '_INBOX',
    }),
    forgetAccounts: () => restartWith(() => undefined),
    rotateOperatorKey: async () => {
      await restartWith(() => {
        operatorSigner = createOperator();
      });
      return text(operatorSigner.getSeed());
    },
    rotateSigningKey: async () => {
      await restartWith(() => {
        signer = createAccount();
      });
      return {
        signingSeed: text(signer.getSeed()),
        operatorCreds: await userOf('operator', permissionsFor('operator', jobNames('any'))),
      };
    },
    refusals: async () => (await readFile(server.logFile, 'utf8')).split('authentication error').length - 1,
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

interface Keys {
  readonly operator: KeyPair;
  readonly system: KeyPair;
  readonly systemSigner: KeyPair;
  readonly account: KeyPair;
}

const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };
const MiB = 1024 * 1024;
const TiB = 1024 * 1024 * MiB;
/** Limits of a tenant, as a platform team would set them: enough for some jobs. */
const fewJobs: JetStreamLimits = { mem_storage: 256 * MiB, disk_storage: 4_096 * MiB, streams: 200, consumer: 200 };
/** Limits above the reservations of a thousand jobs. */
export const manyJobs: JetStreamLimits = { mem_storage: TiB, disk_storage: 8 * TiB, streams: -1, consumer: -1 };

interface Configured {
  readonly keys: Keys;
  readonly signer: KeyPair;
  readonly operatorSigner: KeyPair;
  readonly limits: JetStreamLimits;
  readonly monitoring: string | null;
  /** Folder where the server keeps pushed accounts; null = it accepts none. */
  readonly resolverFolder: string | null;
  readonly tls: object | null;
  /** null = the server takes what the machine has. */
  readonly store: ServerStore | null;
}

interface ServerStore {
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

/** The server checks large reservations against these limits instead of the free disk space of the test machine. */
function storeFor({ disk_storage, mem_storage }: JetStreamLimits): ServerStore | null {
  return disk_storage > fewJobs.disk_storage ? { fileBytes: disk_storage, memoryBytes: mem_storage } : null;
}

async function configurationOf(wanted: Configured): Promise<(place: ServerStart) => string> {
  const { keys, signer, operatorSigner, limits, monitoring, resolverFolder, tls, store } = wanted;
  const system = keys.system.getPublicKey();
  const account = keys.account.getPublicKey();
  const signed = { signer: operatorSigner };
  const content = { limits: { ...unlimited, ...limits }, signing_keys: [signer.getPublicKey()] };
  // As docs/adr/0014 recommends: identity keys of operators and accounts sign nothing. The library's types lack the field.
  const strict: object = { strict_signing_key_usage: true };
  const operatorContent = { system_account: system, signing_keys: [operatorSigner.getPublicKey()], ...strict };
  const operatorJwt = await encodeOperator('test', keys.operator, operatorContent);
  const systemContent = { limits: unlimited, signing_keys: [keys.systemSigner.getPublicKey()] };
  const systemJwt = await encodeAccount('SYS', keys.system, systemContent, signed);
  const accountJwt = await encodeAccount('jobs', keys.account, content, signed);
  return ({ serverName, host, port, storeFolder, logFile }) =>
    JSON.stringify({
      server_name: serverName,
      listen: `${host}:${port}`,
      log_file: logFile,
      ...(tls === null ? {} : { tls }),
      ...(monitoring === null ? {} : { http: monitoring }),
      jetstream: {
        store_dir: storeFolder,
        ...(store === null ? {} : { max_file_store: store.fileBytes, max_memory_store: store.memoryBytes }),
      },
      operator: operatorJwt,
      system_account: system,
      resolver:
        resolverFolder === null
          ? 'MEMORY'
          : { type: 'full', dir: resolverFolder, allow_delete: true, timeout: '200ms' },
      resolver_preload: { [system]: systemJwt, [account]: accountJwt },
    });
}

async function credsOf(
  name: string,
  account: KeyPair,
  signer: KeyPair,
  rights: Permissions,
  dates: { readonly exp?: number } = {},
): Promise<string> {
  const user = createUser();
  const permissions = { pub: { allow: [...rights.publish] }, sub: { allow: [...rights.subscribe] } };
  return text(fmtCreds(await encodeUser(name, user, account, permissions, { signer, ...dates }), user));
}
