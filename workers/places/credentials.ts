/**
 * Credentials of remote places: the files of a mounted Secret, or the environment of a local run.
 *
 * Invariants:
 *  credentials/K1 They are read again for each request, so that renewed ones are used at once.
 *  credentials/K2 No message quotes a value, or says more of it than that it is there.
 */
import { join } from 'node:path';

import { codeOf } from '@distillery/base';
import { readTextSync } from '@distillery/platform';

import { RemoteError } from './errors.js';

/** Where the credentials of one place are. */
export type CredentialSource =
  /** A folder with one file for each key. */
  | { readonly kind: 'folder'; readonly path: string }
  /** Variables: of the environment, or of what `of` names for people. */
  | {
      readonly kind: 'variables';
      readonly values: Readonly<Record<string, string | undefined>>;
      readonly of?: string;
    };

/** Who reads an S3 bucket, and where it is. */
export interface S3Access {
  /** Null: requests are not signed, as for public buckets. */
  readonly keys: { readonly id: string; readonly secret: string; readonly sessionToken: string | null } | null;
  readonly region: string;
  /** Absent: that of AWS in this region. */
  readonly endpoint: URL | null;
}

const defaultRegion = 'us-east-1';

/** @param about the uri, for messages @throws RemoteError denied or refused for values that cannot be used */
export function s3AccessOf(source: CredentialSource, about: string): S3Access {
  const value = (name: string): string | null => valueIn(source, name, about);
  const id = value('AWS_ACCESS_KEY_ID');
  const secret = value('AWS_SECRET_ACCESS_KEY');
  if ((id === null) !== (secret === null)) {
    const missing = id === null ? 'AWS_ACCESS_KEY_ID' : 'AWS_SECRET_ACCESS_KEY';
    throw new RemoteError('denied', {
      about,
      problem: `${placeOf(source)} has no ${missing}`,
      remedy: 'give both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY',
    });
  }
  return {
    keys: id === null || secret === null ? null : { id, secret, sessionToken: value('AWS_SESSION_TOKEN') },
    region: value('AWS_REGION') ?? value('AWS_DEFAULT_REGION') ?? defaultRegion,
    endpoint: endpointIn(value('AWS_ENDPOINT_URL_S3') ?? value('AWS_ENDPOINT_URL'), source, about),
  };
}

/** The Authorization header of an https place; null = none. @throws RemoteError denied */
export function webAuthorizationOf(source: CredentialSource, about: string): string | null {
  // A local run has AWS_ variables and nothing else.
  if (source.kind === 'variables') return null;
  const value = (name: string): string | null => valueIn(source, name, about);
  const token = value('token');
  if (token !== null) return `Bearer ${token}`;
  const [username, password] = [value('username'), value('password')];
  if (username !== null && password !== null) {
    return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
  }
  throw new RemoteError('denied', {
    about,
    problem: `${placeOf(source)} has neither a token nor a username with a password`,
    remedy: 'give it the key token, or the keys username and password',
  });
}

function placeOf(source: CredentialSource): string {
  return source.kind === 'folder' ? 'the Secret of secretRef' : (source.of ?? 'the environment');
}

function endpointIn(text: string | null, source: CredentialSource, about: string): URL | null {
  if (text === null) return null;
  const url = URL.canParse(text) ? new URL(text) : null;
  const isPlain =
    url !== null && ['http:', 'https:'].includes(url.protocol) && url.username + url.search + url.hash === '';
  if (url !== null && isPlain) return url;
  throw new RemoteError('refused', {
    about,
    problem: `AWS_ENDPOINT_URL in ${placeOf(source)} is no https:// or http:// address without user and query`,
    remedy: 'write for example https://storage.example:9000',
  });
}

/** A value in one line; null when it is absent or empty. */
function valueIn(source: CredentialSource, name: string, about: string): string | null {
  const text = source.kind === 'variables' ? (source.values[name] ?? '') : textIn(source.path, name, about);
  // The line break that an editor leaves at the end.
  const value = text.replace(/[\r\n]+$/, '');
  if (value === '') return null;
  if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value)) return value;
  throw new RemoteError('denied', {
    about,
    problem: `${name} in ${placeOf(source)} holds characters that no header can carry`,
    remedy: 'write it again, in one line, without spaces around it',
  });
}

function textIn(folder: string, name: string, about: string): string {
  try {
    return readTextSync(join(folder, name));
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return '';
    throw new RemoteError(
      'denied',
      { about, problem: `${name} in the Secret of secretRef cannot be read`, remedy: 'check the mounted Secret' },
      { cause },
    );
  }
}
