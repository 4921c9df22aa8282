/**
 * Addresses of NATS servers as people write them: `nats://host:port` or `tls://host:port`, several with commas, perhaps
 * with user and password or a token before an `@`. The only parser of such addresses. Pure.
 *
 * Invariants:
 *  nats-address/A1 No part of a login is in the printable form of an address or in a message about one that is refused.
 *  nats-address/A2 A text of which part of a login could be taken for a host is refused: that part would be printed as
 *     one.
 *  nats-address/A3 One tls:// in a list means TLS with every server of it, whatever a server offers.
 */
import { DistilleryError } from '@distillery/base';

export type AddressLogin =
  | { readonly kind: 'none' }
  | { readonly kind: 'password'; readonly user: string; readonly password: string }
  | { readonly kind: 'token'; readonly token: string };

export interface NatsEndpoint {
  /** A name or an IP address, an IPv6 address without its brackets. */
  readonly host: string;
  readonly port: number;
}

/** `host:port`, an IPv6 address in brackets. */
export function hostPort({ host, port }: NatsEndpoint): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

/**
 * The message says what is wrong and what to write instead; it holds nothing of the text that was refused
 * (nats-address/A1).
 */
export class NatsAddressError extends DistilleryError {
  override readonly name = 'NatsAddressError';
  readonly kind = 'NatsAddress';
  readonly retry = 'Never';
}

const defaultPort = 4222;
const example = 'such as nats://host:4222 or tls://host:4222';
const encodingHint =
  'in a user, a password or a token, write / as %2F, ? as %3F, # as %23, @ as %40, a comma as %2C, % as %25 and a space as %20';

export class NatsAddress {
  /** In the order in which they were written; at least one. */
  readonly servers: readonly NatsEndpoint[];
  readonly tls: boolean;
  readonly #login: AddressLogin;

  private constructor(servers: readonly NatsEndpoint[], tls: boolean, login: AddressLogin) {
    this.servers = servers;
    this.tls = tls;
    this.#login = login;
  }

  /**
   * Reads an address. White space around it and one pair of quotes are dropped: env files keep them. Schemes are
   * case-insensitive; without one it is nats://. The port is 4222 unless given.
   * @throws NatsAddressError
   */
  static parse(text: string): NatsAddress {
    const hint = /[@%]/.test(text) ? `; ${encodingHint}` : '';
    const entries = unquoted(text)
      .split(',')
      .map((entry) => readEntry(entry, hint));
    const servers = entries.map(({ endpoint }) => endpoint);
    const tls = entries.some((entry) => entry.tls);
    return new NatsAddress(servers, tls, loginOf(entries.map(({ userInfo }) => userInfo)));
  }

  /** What to log in with; decoded. */
  get login(): AddressLogin {
    return this.#login;
  }

  /** `host:port` of each server, as the client library takes them. */
  get hosts(): string[] {
    return this.servers.map(hostPort);
  }

  /** The address without the login: may be printed, and parses to the same servers. */
  toString(): string {
    return this.hosts.map((host) => `${this.tls ? 'tls' : 'nats'}://${host}`).join(',');
  }

  toJSON(): string {
    return this.toString();
  }
}

/** An address for a message; for a text that is not one, words that hold nothing of it. */
export function printableAddress(text: string): string {
  try {
    return NatsAddress.parse(text).toString();
  } catch (error) {
    if (error instanceof NatsAddressError) return '(an address that cannot be read)';
    throw error;
  }
}

interface Entry {
  readonly tls: boolean;
  /** Still encoded; null = none. */
  readonly userInfo: string | null;
  readonly endpoint: NatsEndpoint;
}

function unquoted(text: string): string {
  const trimmed = text.trim();
  const [, inner = trimmed] = /^"(.*)"$/s.exec(trimmed) ?? /^'(.*)'$/s.exec(trimmed) ?? [];
  return inner.trim();
}

/** Scheme, user information, host or [IPv6], port, and nothing after them. */
const entryForm =
  /^(?:(?<scheme>[a-z][a-z0-9+.-]*):\/\/)?(?:(?<userInfo>[^\s/?#@]*)@)?(?:\[(?<v6>[0-9a-f:.]+)\]|(?<name>[^\s/?#@:[\]%"'<>\\^`{|}]+))(?::(?<port>\d{1,5}))?\/?$/iu;

/** @param hint what to add when a login may be the reason. @throws NatsAddressError */
function readEntry(text: string, hint: string): Entry {
  const trimmed = text.trim();
  if (trimmed === '')
    throw new NatsAddressError({ about: '', problem: 'found no server', remedy: `write an address ${example}` });
  const found = entryForm.exec(trimmed)?.groups;
  if (found === undefined)
    throw new NatsAddressError({ about: '', problem: `it is not an address ${example}${hint}`, remedy: '' });
  const scheme = (found.scheme ?? 'nats').toLowerCase();
  if (scheme !== 'nats' && scheme !== 'tls') {
    throw new NatsAddressError({
      about: '',
      problem: 'its scheme is neither nats:// nor tls://',
      remedy: `write an address ${example}`,
    });
  }
  const host = hostOf(found);
  const port = Number(found.port ?? defaultPort);
  if (host === null)
    throw new NatsAddressError({
      about: '',
      problem: 'its host is neither a name nor an IP address',
      remedy: `write one ${example}${hint}`,
    });
  if (port < 1 || port > 65_535)
    throw new NatsAddressError({
      about: '',
      problem: 'its port is not a number from 1 to 65535',
      remedy: `write one ${example}`,
    });
  return { tls: scheme === 'tls', userInfo: found.userInfo ?? null, endpoint: { host, port } };
}

/** As a name service or a socket takes it; null when it is no host. */
function hostOf({ v6, name }: Readonly<Record<string, string | undefined>>): string | null {
  // Only of a scheme that it knows does URL check the host.
  const url = `http://${v6 === undefined ? (name ?? '') : `[${v6}]`}`;
  return URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : null;
}

/** @param all user information of each server, still encoded */
function loginOf(all: readonly (string | null)[]): AddressLogin {
  const [first = null, ...others] = all;
  // nats-address/A2: `nats://tok,en@host` reads as the host `tok` and the token `en`; so does a comma within one of
  // several logins.
  const alike = others.every((other) => other === first) || others.every((other) => other === null);
  if (!alike) {
    throw new NatsAddressError({
      about: '',
      problem: 'its servers have different logins',
      remedy: `write the login with the first server or the same with every server; ${encodingHint}`,
    });
  }
  if (first === null || first === '') return { kind: 'none' };
  const [, user = '', password] = /^([^:]*)(?::(.*))?$/s.exec(first) ?? [];
  if (password === undefined) return { kind: 'token', token: decoded(user) };
  if (user === '')
    throw new NatsAddressError({
      about: '',
      problem: 'it has a password and no user',
      remedy: 'write nats://user:password@host:4222',
    });
  return { kind: 'password', user: decoded(user), password: decoded(password) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new NatsAddressError({
      about: 'the percent-encoding of its user, password or token is wrong',
      problem: 'two hexadecimal digits of UTF-8 follow each %',
      remedy: encodingHint,
    });
  }
}
