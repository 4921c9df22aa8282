/** When the credentials of the operator end, by the files that its settings name. */
import { X509Certificate } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { encodeUser, fmtCreds } from '@nats-io/jwt';
import { createAccount, createUser } from '@nats-io/nkeys';
import { expect, test } from '@jest/globals';

import { credentialExpiries } from '../../../src/operator/expiries.js';
import { Authority } from '../../kit/cluster/pki.js';
import { withFolder } from '../../kit/folder.js';

async function creds(exp?: number): Promise<string> {
  const user = createUser();
  const jwt = await encodeUser('someone', user, createAccount(), {}, exp === undefined ? {} : { exp });
  return new TextDecoder().decode(fmtCreds(jwt, user));
}

test.each([
  ['that end', 1_900_000_000, [['nats-operator', 1_900_000_000]]],
  ['that never end', undefined, []],
])('of credentials %s', async (_what, exp, expected) => {
  await withFolder({ 'operator.creds': await creds(exp) }, (folder) => {
    const credsFile = join(folder, 'operator.creds');
    expect([...credentialExpiries({ kind: 'signed', credsFile, seed: '' })]).toEqual(expected);
    return Promise.resolve();
  });
});

test('the system credentials have a name of their own, and what cannot be read has no figure', async () => {
  const limits = { storageBytes: null, memoryBytes: null, streams: null, consumers: null, connections: null };
  const keys = { signingSeed: '', accountsSeed: '', limits, namespaceLimits: new Map() };
  await withFolder({}, async (folder) => {
    const systemCredsFile = join(folder, 'system.creds');
    const found = (): [string, number][] => [...credentialExpiries({ kind: 'accounts', systemCredsFile, ...keys })];
    expect(found()).toEqual([]);
    await writeFile(systemCredsFile, 'not credentials');
    expect(found()).toEqual([]);
    await writeFile(systemCredsFile, await creds(1_900_000_000));
    expect(found()).toEqual([['nats-system', 1_900_000_000]]);
  });
});

test('of certificates the first end counts, and a file without one has no figure', async () => {
  const login = { user: 'u', password: 'p' };
  const auth = { kind: 'password', operator: login, workers: login } as const;
  await withFolder({ 'none.pem': 'no certificate' }, async (folder) => {
    const at = (name: string): string => join(folder, name);
    const authority = await Authority.create(at('pki'));
    const texts: string[] = [];
    for (const days of [90, 20, 50]) {
      const { certificate } = await authority.issue('server', { commonName: 'server', days });
      texts.push(await readFile(certificate, 'utf8'));
    }
    await writeFile(at('ca.pem'), texts.join(''));
    const certificates = { 'nats-ca': at('ca.pem'), 'nats-client': at('none.pem'), other: undefined, gone: at('gone') };
    const found = [...credentialExpiries(auth, certificates)];
    expect(found).toEqual([['nats-ca', Date.parse(new X509Certificate(texts[1]!).validTo) / 1_000]]);
  });
});

test('of passwords there are none', () => {
  const login = { user: 'u', password: 'p' };
  expect([...credentialExpiries({ kind: 'password', operator: login, workers: login })]).toEqual([]);
});
