/** No part of a login is ever printed, of whatever text, well-formed or not. */
import { inspect } from 'node:util';

import { printableUrl } from '@distillery/base';
import { NatsAddress, NatsAddressError, printableAddress } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { nameValue } from '../../../src/api/schema/problem.js';

/** Words that no message and no host of these tests contains. */
const word = fc.string({ unit: fc.constantFrom('Q', 'X', 'Z', '7', '9'), minLength: 4, maxLength: 6 });
/** What people write into a login without encoding it. */
const between = fc.constantFrom(
  '',
  '/',
  '?',
  '#',
  '@',
  ':',
  ',',
  '%',
  '%zz',
  '%2F',
  ' ',
  '"',
  "'",
  '\\',
  '[',
  ']',
  '://',
  'ä',
  ',nats://',
);
const secret = fc.tuple(word, between, word).map((parts) => parts.join(''));
const host = fc.constantFrom('host', 'host:4222', '10.0.0.1', '[::1]:1', '', 'ho st', 'host:port', 'host/path');
const scheme = fc.constantFrom('nats://', 'TLS://', 'tls://', '', 'http://', 'nats:/', 'nats//');
const server = fc
  .tuple(scheme, secret, fc.option(secret, { nil: undefined }), host)
  .map(([begin, user, password, place]) => `${begin}${user}${password === undefined ? '' : `:${password}`}@${place}`);
const bare = fc.tuple(scheme, host).map((parts) => parts.join(''));
const texts = fc.array(fc.oneof(server, bare), { minLength: 1, maxLength: 3 }).map((servers) => servers.join(','));
const quoted = fc.tuple(fc.constantFrom('', '"', "'"), texts).map(([quote, text]) => `${quote}${text}${quote}`);

/** Three letters in a row of any word of a login. */
const part = /[QXZ79]{3}/i;

function everythingSaidOf(text: string): string {
  try {
    const address = NatsAddress.parse(text);
    return [String(address), JSON.stringify(address), inspect(address, { showHidden: true, depth: null })].join('\n');
  } catch (error) {
    if (!(error instanceof NatsAddressError)) throw error;
    return [error.message, inspect(error)].join('\n').replaceAll(/^ +at .*$/gm, '');
  }
}

describe('the printable form of an address', () => {
  test('and every message about it hold no part of a login', () => {
    fc.assert(
      fc.property(quoted, (text) => {
        expect(everythingSaidOf(text)).not.toMatch(part);
        expect(printableAddress(text)).not.toMatch(part);
      }),
      { numRuns: 3_000 },
    );
  });

  test('is that of the same servers', () => {
    const good = fc.tuple(fc.constantFrom('nats://', 'TLS://', ''), fc.domain(), fc.integer({ min: 1, max: 65_535 }));
    fc.assert(
      fc.property(fc.array(good, { minLength: 1, maxLength: 3 }), (servers) => {
        const text = servers.map(([begin, name, port]) => `${begin}${name}:${String(port)}`).join(',');
        const address = NatsAddress.parse(text);
        const again = NatsAddress.parse(String(address));
        expect(again.servers).toEqual(address.servers);
        expect(again.tls).toBe(address.tls);
        expect(address.tls).toBe(/tls:/i.test(text));
      }),
    );
  });

  test('loses nothing of an encoded login', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'grapheme' }), (user, password) => {
        const [encodedUser, encodedPassword] = [user, password].map(encodeURIComponent);
        expect(NatsAddress.parse(`nats://${encodedUser ?? ''}:${encodedPassword ?? ''}@host`).login).toEqual({
          kind: 'password',
          user,
          password,
        });
        expect(NatsAddress.parse(`nats://${encodedUser ?? ''}@host`).login).toEqual({ kind: 'token', token: user });
      }),
    );
  });
});

test('the address of an API server or a proxy is printed without any part of a login', () => {
  const web = fc
    .tuple(fc.constantFrom('https://', 'HTTP://', ''), secret, fc.option(secret, { nil: undefined }), host)
    .map(([begin, user, password, place]) => `${begin}${user}${password === undefined ? '' : `:${password}`}@${place}`);
  fc.assert(
    fc.property(web, (text) => expect(printableUrl(text)).not.toMatch(part)),
    { numRuns: 3_000 },
  );
});

test('a uri of a job is named without any part of a login', () => {
  const unspaced = secret.filter((text) => !text.includes(' '));
  const uri = fc
    .tuple(
      fc.constantFrom('https://', 's3://', 'S3://'),
      unspaced,
      fc.string({ unit: fc.constantFrom('a', '/'), maxLength: 80 }),
    )
    .map(([begin, login, path]) => `${begin}${login}@host/${path}`);
  fc.assert(fc.property(uri, (text) => expect(nameValue(text)).not.toMatch(part)));
});
