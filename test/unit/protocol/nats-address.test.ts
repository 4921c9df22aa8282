/** Addresses of NATS servers: what is read from them, and what is said of those that are none. */
import { inspect } from 'node:util';

import { NatsAddress, NatsAddressError, printableAddress } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

function refusalOf(text: string): string {
  try {
    NatsAddress.parse(text);
  } catch (error) {
    if (error instanceof NatsAddressError) return error.message;
    throw error;
  }
  throw new Error(`${text} was not refused`);
}

describe('an address', () => {
  test.each([
    ['nats://host:4333', [{ host: 'host', port: 4333 }], false],
    ['host', [{ host: 'host', port: 4222 }], false],
    ['host:4333', [{ host: 'host', port: 4333 }], false],
    ['nats://host:4222/', [{ host: 'host', port: 4222 }], false],
    ['tls://host', [{ host: 'host', port: 4222 }], true],
    ['TLS://Host', [{ host: 'host', port: 4222 }], true],
    ['NATS://host', [{ host: 'host', port: 4222 }], false],
    ['nats://[::1]:5000', [{ host: '::1', port: 5000 }], false],
    ['nats://bücher.example', [{ host: 'xn--bcher-kva.example', port: 4222 }], false],
    ['nats://my_host:1', [{ host: 'my_host', port: 1 }], false],
    [
      'nats://a:1, Tls://b',
      [
        { host: 'a', port: 1 },
        { host: 'b', port: 4222 },
      ],
      true,
    ],
    ['"nats://host:4222"', [{ host: 'host', port: 4222 }], false],
    [" 'tls://host' ", [{ host: 'host', port: 4222 }], true],
  ])('%s is read', (text, servers, tls) => {
    const address = NatsAddress.parse(text);
    expect(address.servers).toEqual(servers);
    expect(address.tls).toBe(tls);
    expect(address.login).toEqual({ kind: 'none' });
  });

  test.each([
    ['nats://op:p%40ss%3A@host', { kind: 'password', user: 'op', password: 'p@ss:' }],
    ['nats://op:pa%2Fss@host', { kind: 'password', user: 'op', password: 'pa/ss' }],
    ['nats://op:a:b@host', { kind: 'password', user: 'op', password: 'a:b' }],
    ['nats://op:@host', { kind: 'password', user: 'op', password: '' }],
    ['nats://op:pä%C3%A4@host', { kind: 'password', user: 'op', password: 'pää' }],
    ['nats://s3cr3t-tok@host', { kind: 'token', token: 's3cr3t-tok' }],
    ['op:pw@host:4222', { kind: 'password', user: 'op', password: 'pw' }],
    ['nats://@host', { kind: 'none' }],
    ['nats://op:pw@a,nats://b', { kind: 'password', user: 'op', password: 'pw' }],
    ['nats://op:pw@a,nats://op:pw@b', { kind: 'password', user: 'op', password: 'pw' }],
  ])('%s has its login', (text, login) => {
    expect(NatsAddress.parse(text).login).toEqual(login);
  });

  test('is printed without its login, however it is printed', () => {
    const address = NatsAddress.parse('TLS://op:hidden@host,nats://op:hidden@[::1]:1');
    const shown = 'tls://host:4222,tls://[::1]:1';
    expect(String(address)).toBe(shown);
    expect(JSON.stringify({ address })).toBe(JSON.stringify({ address: shown }));
    expect(inspect(address, { showHidden: true, depth: null })).not.toContain('hidden');
    expect(printableAddress('nats://op:hid/den@host')).toBe('(an address that cannot be read)');
  });
});

describe('a text that is no address is refused with what to write:', () => {
  test.each([
    ['', /found no server\. Write an address such as nats:\/\/host:4222/],
    ['nats://a,,nats://b', /found no server/],
    ['http://host', /scheme is neither nats:\/\/ nor tls:\/\//],
    ['ws://host', /scheme is neither/],
    ['nats://', /is not an address/],
    ['nats://host:port', /is not an address/],
    ['nats://host:0', /port is not a number from 1 to 65535/],
    ['nats://host:70000', /port is not a number from 1 to 65535/],
    ['nats://host/path', /is not an address/],
    ['nats://256.1.1.1', /host is neither a name nor an IP address/],
    ['nats://slash:pa/ss@host', /write \/ as %2F/],
    ['nats://hash:a#b@host', /# as %23/],
    ['nats://comma:a,b@host', /a comma as %2C/],
    ['nats://tok,en@host', /different logins.*a comma as %2C/],
    ['nats://x@h1,t,x@h2', /different logins/],
    ['nats://at:p@ss@host', /@ as %40/],
    ['nats://pct:100%@host', /percent-encoding of its user, password or token is wrong.*% as %25/],
    ['nats://pct:%ff@host', /percent-encoding/],
    ['nats://a:1@h1,nats://b:2@h2', /different logins\. Write the login with the first server or the same with every/],
    ['nats://:pw@host', /a password and no user/],
  ])('%s', (text, sentence) => {
    expect(refusalOf(text)).toMatch(sentence);
  });
});
