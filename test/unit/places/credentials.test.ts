/** Credentials of remote places, and that no message shows any part of them. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';

import { type CredentialSource, s3AccessOf, webAuthorizationOf } from '../../../workers/places/credentials.js';
import { RemoteError } from '../../../workers/places/errors.js';

const root = mkdtempSync(join(tmpdir(), 'distill-credentials-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

function folder(files: Readonly<Record<string, string>>): CredentialSource {
  const path = mkdtempSync(join(root, 'secret-'));
  for (const [name, value] of Object.entries(files)) writeFileSync(join(path, name), value);
  return { kind: 'folder', path };
}
const variables = (values: Readonly<Record<string, string>>): CredentialSource => ({ kind: 'variables', values });

const keys = { AWS_ACCESS_KEY_ID: 'key-of-the-test', AWS_SECRET_ACCESS_KEY: 'word-of-the-test' };
const about = 's3://sets/x';

describe('the access to a bucket', () => {
  test.each([
    ['files', folder],
    ['variables', variables],
  ])('comes from %s', (_kind, from) => {
    const all = { ...keys, AWS_SESSION_TOKEN: 'token', AWS_REGION: 'eu-west-1', AWS_ENDPOINT_URL: 'https://s:9000' };
    expect(s3AccessOf(from(all), about)).toEqual({
      keys: { id: 'key-of-the-test', secret: 'word-of-the-test', sessionToken: 'token' },
      region: 'eu-west-1',
      endpoint: new URL('https://s:9000'),
    });
  });

  test('needs no keys, and has a region', () => {
    expect(s3AccessOf(variables({}), about)).toEqual({ keys: null, region: 'us-east-1', endpoint: null });
  });

  test('takes values without the line break of an editor', () => {
    const files = folder({ AWS_ACCESS_KEY_ID: 'a\n', AWS_SECRET_ACCESS_KEY: 'b\r\n' });
    expect(s3AccessOf(files, about).keys).toEqual({ id: 'a', secret: 'b', sessionToken: null });
  });
});

describe('an https place', () => {
  test.each([
    [{ token: 'word-of-the-test' }, 'Bearer word-of-the-test'],
    [{ username: 'ann', password: 'a:b' }, `Basic ${Buffer.from('ann:a:b').toString('base64')}`],
  ])('gets a header', (files, header) => {
    expect(webAuthorizationOf(folder(files), about)).toBe(header);
  });

  test('gets none in a local run', () => {
    expect(webAuthorizationOf(variables({ token: 'x', username: 'a', password: 'b' }), about)).toBeNull();
  });
});

describe('what cannot be used is refused without being shown', () => {
  const word = 'word-of-the-test';
  test.each<[string, () => unknown, string]>([
    ['one key of two', () => s3AccessOf(folder({ AWS_SECRET_ACCESS_KEY: word }), about), 'has no AWS_ACCESS_KEY_ID'],
    ['a user without a password', () => webAuthorizationOf(folder({ username: word }), about), 'neither a token nor'],
    ['a line break within', () => webAuthorizationOf(folder({ token: `${word}\nx: y` }), about), 'no header can carry'],
    [
      'an endpoint with a login',
      () => s3AccessOf(variables({ ...keys, AWS_ENDPOINT_URL: `https://ann:${word}@s` }), about),
      'AWS_ENDPOINT_URL in the environment is no https',
    ],
    ['an invalid endpoint', () => s3AccessOf(variables({ AWS_ENDPOINT_URL: word }), about), 'AWS_ENDPOINT_URL'],
    [
      'a folder in place of a file',
      () => s3AccessOf({ kind: 'folder', path: join(root, '..') }, about).keys ?? webAuthorizationOf(folder({}), about),
      'neither',
    ],
  ])('%s', (_what, read, problem) => {
    let message = '';
    try {
      read();
    } catch (error) {
      expect(error).toBeInstanceOf(RemoteError);
      message = String(error);
    }
    expect(message).toContain(problem);
    expect(message).not.toContain(word);
  });
});
