/** The keys of the chart's NATS server, held against the official library; test/cluster/chart/nats.test.ts starts a server. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';

import { parseCreds } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import { decode } from '@nats-io/jwt';
import { fromSeed } from '@nats-io/nkeys';

import { permissionsForSystem, serverKeys, type ServerKeys } from '../../../src/stream/index.js';

const nowMs = Date.UTC(2026, 5, 1);

/** Bytes that follow from the seed and differ at each call. */
function madeOf(seed: string): ServerKeys {
  let call = 0;
  const randomBytes = (count: number): Uint8Array =>
    createHash('sha256')
      .update(`${seed}/${String((call += 1))}`)
      .digest()
      .subarray(0, count);
  return serverKeys({ randomBytes, nowMs });
}

interface Claims {
  readonly iss: string;
  readonly sub: string;
  readonly nats: Readonly<Record<string, unknown>>;
}

const publicKeyOf = (seed: string): string => fromSeed(new TextEncoder().encode(seed)).getPublicKey();
const tokensIn = (text: string): Claims[] =>
  (text.match(/eyJ[\w-]+\.[\w-]+\.[\w-]+/g) ?? []).map((jwt) => decode(jwt) as unknown as Claims);

describe('the keys of a NATS server', () => {
  const keys = madeOf('one');
  const [operator, system] = tokensIn(keys.serverConfiguration);

  test('are an operator that only its signing key signs for', () => {
    const signer = publicKeyOf(keys.operatorSigningSeed);
    expect(operator).toMatchObject({ iss: publicKeyOf(keys.operatorSeed), sub: publicKeyOf(keys.operatorSeed) });
    expect(operator?.nats).toMatchObject({ type: 'operator', signing_keys: [signer], strict_signing_key_usage: true });
    expect(system).toMatchObject({ iss: signer, sub: operator?.nats.system_account });
  });

  test('give the operator a user of the system account, with the few rights that it uses', () => {
    const { jwt } = parseCreds(keys.systemCreds) ?? { jwt: '' };
    const user = decode(jwt) as unknown as Claims;
    expect(user.nats).toMatchObject({
      issuer_account: system?.sub,
      pub: { allow: permissionsForSystem.publish },
      sub: { allow: permissionsForSystem.subscribe },
    });
    expect(system?.nats.signing_keys).toEqual([user.iss]);
  });

  test('give the rights that the pages name for a user made by hand', () => {
    const page = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8');
    const [, allowed = ''] = /--allow-pub '([^']*)'/.exec(page('docs/operator.md')) ?? [];
    expect(allowed.split(',')).toEqual(permissionsForSystem.publish);
    const named = page('docs/protocol.md').match(/`\$SYS\.[^`]*`/g) ?? [];
    expect(named.map((subject) => subject.slice(1, -1))).toEqual(permissionsForSystem.publish);
  });

  test('put no seed into the part of the servers (server-keys/K1)', () => {
    expect(keys.serverConfiguration).not.toMatch(/\bS[OAU][A-Z2-7]{56}\b/);
    expect(keys.operatorSeed).toMatch(/^SO[A-Z2-7]{56}$/);
  });

  test('come from the given bytes alone', () => {
    expect(madeOf('one')).toEqual(keys);
    const seeds = [keys, madeOf('two')].flatMap((each) => [each.operatorSeed, each.operatorSigningSeed]);
    expect(new Set(seeds).size).toBe(4);
  });
});
