/**
 * Credentials that a kubeconfig itself holds, or that stand in files it names: certificates, tokens, name and password.
 * Everything else (credential plugins, auth providers) is the client library's, which takes half a second of processor
 * time to load.
 */
import { readFile } from 'node:fs/promises';

export interface Credentials {
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsSettings;
}

export interface TlsSettings {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

type Fields = Readonly<Record<string, unknown>>;

/** Whether all credentials of a user stand in the kubeconfig or in files that it names. */
export function isWritten(user: Fields): boolean {
  // The library reads `token-file` too, though kubectl does not.
  return ['exec', 'auth-provider', 'token-file'].every((name) => (user[name] ?? null) === null);
}

/**
 * @param cluster of a kubeconfig, with absolute paths
 * @param user for which `isWritten` holds
 * @returns what the files hold now. @throws the system's error for a file that cannot be read
 */
export async function writtenCredentials(cluster: Fields, user: Fields): Promise<Credentials> {
  const [ca, cert, key, token] = await Promise.all([
    bytesOf(cluster, 'certificate-authority'),
    bytesOf(user, 'client-certificate'),
    bytesOf(user, 'client-key'),
    tokenOf(user),
  ]);
  const [name, impersonated, servername] = [user.username, user.as, cluster['tls-server-name']].map(textOf);
  return {
    headers: {
      ...(name === undefined ? {} : { Authorization: `Basic ${basic(name, textOf(user.password) ?? '')}` }),
      ...(token === undefined ? {} : { Authorization: `Bearer ${token}` }),
      ...(impersonated === undefined ? {} : { 'Impersonate-User': impersonated }),
    },
    tls: {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(servername === undefined ? {} : { servername }),
      ...(cluster['insecure-skip-tls-verify'] === true ? { rejectUnauthorized: false } : {}),
    },
  };
}

/** A field with `-data` decides over the file of the same name, as in kubectl. */
async function bytesOf(fields: Fields, name: string): Promise<Buffer | undefined> {
  const data = textOf(fields[`${name}-data`]);
  if (data !== undefined) return Buffer.from(data, 'base64');
  const file = textOf(fields[name]);
  return file === undefined ? undefined : readFile(file);
}

async function tokenOf(user: Fields): Promise<string | undefined> {
  const file = textOf(user.tokenFile);
  // As in kubectl, the file decides over `token`: it is renewed.
  return file === undefined ? textOf(user.token)?.trim() : textOf((await readFile(file, 'utf8')).trim());
}

function basic(name: string, password: string): string {
  return Buffer.from(`${name}:${password}`).toString('base64');
}

/** Empty and null count as absent; YAML reads a password such as 1234 as a number. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return typeof value === 'string' && value !== '' ? value : undefined;
}
