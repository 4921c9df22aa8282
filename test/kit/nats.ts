/**
 * A real nats-server for tests: its own port, store and passwords, users for the jobs named at the start, and the means
 * to kill it. It ends with the test process even when that is killed (keeper.ts).
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

import { jobNames, type WorkerRole, workerRoles } from '@distillery/protocol';

import { cacheFolderOf } from '../../src/cli/shared/cache-folder.js';
import { operatorInboxPrefix, permissionsFor } from '../../src/stream/index.js';
import { findNatsServer, type NatsServer, type NatsUser, newPassword } from '../../src/stream/server/index.js';
import { serverConfiguration, type ServerStart } from '../../src/stream/server/config.js';
import { launchNatsServer } from '../../src/stream/server/start.js';

export interface PasswordLogin {
  readonly inboxPrefix: string;
  readonly user: string;
  readonly password: string;
}
export interface CredsLogin {
  readonly inboxPrefix: string;
  /** Text of a .creds file. */
  readonly creds: string;
}
export type TestLogin = PasswordLogin | CredsLogin;

export interface TestNats<Login extends TestLogin = TestLogin> {
  readonly url: string;
  readonly operator: Login;
  /** A user with all rights: for tests that inspect the server's state. */
  readonly root: Login;
  userFor(role: WorkerRole, uid: string): Login;
  /** Process id of the running server. */
  readonly serverPid: number;
  /** Ends it with SIGKILL, as a loss of power would; resolves when the process is gone. */
  kill(): Promise<void>;
  /** Starts it again: same port, same store, same users. */
  restart(): Promise<void>;
  /** Stops the server and deletes its folder. */
  stop(): Promise<void>;
}

/** The binary for all servers of this test process: found on the machine, or installed into the user's cache once. */
export async function testServerBinary(): Promise<string> {
  const found = await findNatsServer({
    url: undefined,
    path: process.env.PATH ?? '',
    cacheFolder: cacheFolderOf(process.env, homedir),
    platform: process.platform,
    arch: process.arch,
    environment: process.env,
    progress: (line) => void process.stderr.write(`${line}\n`),
    stop: new AbortController().signal,
    nowMs: Date.now(),
  });
  if (found.kind !== 'binary') throw new Error('tests start their own server');
  return found.binary;
}

export interface TestNatsOptions {
  /** Uids of the jobs that have users; `userFor` knows no others. */
  readonly uids?: readonly string[];
  /** Folder that holds the server's folder; absent = the system's for temporary files. */
  readonly below?: string;
  /** Maximum size of all its streams; absent = three quarters of the disk's free space. */
  readonly maxFileStore?: number;
}

export async function startTestNats(options: TestNatsOptions = {}): Promise<TestNats<PasswordLogin>> {
  const uids = options.uids ?? ['job-a', 'job-b'];
  const binary = await testServerBinary();
  const folder = await mkdtemp(join(options.below ?? tmpdir(), 'distillery-nats-'));
  const logins = new Map<string, PasswordLogin>();
  const users: NatsUser[] = [];
  const add = (user: string, inboxPrefix: string, permissions: NatsUser['permissions']): PasswordLogin => {
    const password = newPassword(randomBytes);
    users.push({ user, password, permissions });
    logins.set(user, { user, password, inboxPrefix });
    return { user, password, inboxPrefix };
  };
  const operator = add('operator', operatorInboxPrefix, permissionsFor('operator', jobNames('any')));
  const root = add('root', '_INBOX', { publish: ['>'], subscribe: ['>'] });
  for (const uid of uids) {
    const names = jobNames(uid);
    for (const role of workerRoles) {
      add(`${role}-${uid}`, names.inboxPrefix(role), permissionsFor(role, names));
    }
  }
  const configuration = (place: ServerStart): string => {
    const text = serverConfiguration({ ...place, users });
    if (options.maxFileStore === undefined) return text;
    const config = JSON.parse(text) as { jetstream: object };
    return JSON.stringify({ ...config, jetstream: { ...config.jetstream, max_file_store: options.maxFileStore } });
  };
  const startOptions = { binary, folder, configuration, serverName: `test-${randomBytes(6).toString('hex')}` };
  let server: NatsServer = await launchNatsServer(startOptions);
  return {
    url: server.url,
    operator,
    root,
    userFor: (role, uid) => {
      const login = logins.get(`${role}-${uid}`);
      if (login === undefined) throw new Error(`job ${uid}: name it in startTestNats({ uids })`);
      return login;
    },
    get serverPid() {
      return server.pid;
    },
    kill: async () => {
      process.kill(server.pid, 'SIGKILL');
      await server.exited;
    },
    restart: async () => {
      await server.stop();
      server = await launchNatsServer({ ...startOptions, port: server.port });
    },
    stop: async () => {
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
