/** The NATS server of one local run, with a login for each role. */
import { randomBytes } from 'node:crypto';

import { claimFolderSync } from '@distillery/platform';
import { jobNames, type NatsAccess, type NatsAddress } from '@distillery/protocol';

import {
  type FoundNatsServer,
  newPassword,
  permissionsFor,
  type Role,
  roles,
  superviseNatsServer,
} from '../../stream/index.js';
import type { Log } from '../../telemetry/index.js';

import { CliError } from '../shared/cli-error.js';

import type { RunFolder } from './run-folder.js';
import { natsMark } from './run-entries.js';

export interface NatsOptions {
  readonly nats: FoundNatsServer;
  readonly folder: RunFolder;
  readonly uid: string;
  readonly log: Log;
  readonly stop: AbortSignal;
}

export interface Nats {
  readonly access: Readonly<Record<Role, NatsAccess>>;
  /** null when the server is not ours. */
  pid(): number | null;
  /**
   * @returns the system's code of a write that was refused to our server's store since the last call, as EFBIG; null = none
   *   was, or the server is not ours
   */
  refusedWrite(): Promise<string | null>;
  /** Ends our own server; a server that the person names keeps running. */
  stop(): Promise<void>;
}

/**
 * Starts the run's own server in the run's folder, or connects to the running one that the person names.
 * @param uid of the job
 * @throws StreamError, CliError
 */
export async function startNats({ nats, folder, uid, log, stop }: NatsOptions): Promise<Nats> {
  if (nats.kind === 'running') {
    // A server that a person names has one login, in its URL; every role uses it.
    const access = accessOf(nats.address);
    return {
      access: everyRole(() => access),
      pid: () => null,
      refusedWrite: () => Promise.resolve(null),
      stop: () => Promise.resolve(),
    };
  }
  const claim = claimFolderSync(folder.file('nats'), natsMark);
  if (claim.kind === 'foreign' || claim.kind === 'notAFolder') {
    const file = folder.file('nats');
    throw new CliError('badInput', {
      about: file,
      problem: 'it is not of this run, which keeps its NATS server there',
      remedy: 'move it elsewhere',
    });
  }
  const names = jobNames(uid);
  const passwords = everyRole(() => newPassword(randomBytes));
  const server = await superviseNatsServer(
    {
      binary: nats.binary,
      folder: folder.file('nats'),
      serverName: `distill-${uid}`,
      stop,
      users: roles.map((role) => ({
        user: role,
        password: passwords[role],
        permissions: permissionsFor(role, names),
      })),
    },
    (event) => log.warn(event, 'nats-server'),
  );
  return {
    access: everyRole((role) => ({ kind: 'password', url: server.url, user: role, password: passwords[role] })),
    pid: () => server.pid(),
    refusedWrite: () => server.refusedWrite(),
    stop: () => server.stop(),
  };
}

function accessOf(address: NatsAddress): NatsAccess {
  const url = address.toString();
  const { login } = address;
  switch (login.kind) {
    case 'password':
    case 'token':
      return { ...login, url };
    case 'none':
      // A server that needs no login accepts this one.
      return { kind: 'password', url, user: '', password: '' };
  }
}

function everyRole<T>(of: (role: Role) => T): Record<Role, T> {
  return { operator: of('operator'), teacher: of('teacher'), student: of('student'), reader: of('reader') };
}
