/**
 * The configuration of a server that this project starts: one address, every user named, JetStream in the given folder.
 * Pure; the caller writes it to a file that only its user can read, since it holds passwords.
 */
import type { Permissions } from '../access/index.js';

export interface NatsUser {
  readonly user: string;
  readonly password: string;
  readonly permissions: Permissions;
}

/** What a start decides about one server. */
export interface ServerStart {
  readonly serverName: string;
  readonly host: string;
  readonly port: number;
  readonly storeFolder: string;
  readonly logFile: string;
}

export interface ServerConfiguration extends ServerStart {
  readonly users: readonly NatsUser[];
}

const maxPayloadBytes = 1024 * 1024;
/** The log is rotated at this size, and this many old ones are kept (I4). */
const logBytes = 16 * 1024 * 1024;
const oldLogs = 1;

/** Text of the configuration file: JSON is a part of the server's own format. */
export function serverConfiguration(options: ServerConfiguration): string {
  const { serverName, host, port, storeFolder, logFile, users } = options;
  return JSON.stringify(
    {
      server_name: serverName,
      listen: `${host}:${port}`,
      max_payload: maxPayloadBytes,
      // A client that stops reading is cut off instead of filling the server's memory.
      write_deadline: '10s',
      log_file: logFile,
      logfile_size_limit: logBytes,
      logfile_max_num: oldLogs,
      jetstream: { store_dir: storeFolder },
      authorization: {
        users: users.map(({ user, password, permissions }) => ({
          user,
          password,
          permissions: {
            publish: { allow: permissions.publish },
            subscribe: { allow: permissions.subscribe },
          },
        })),
      },
    },
    null,
    2,
  );
}

/** A password of 192 bits, in letters that no configuration format treats specially. */
export function newPassword(randomBytes: (count: number) => Uint8Array): string {
  return Buffer.from(randomBytes(24)).toString('base64url');
}
