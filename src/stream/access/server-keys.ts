/**
 * The keys of a NATS server that the chart installs (docs/adr/0050): a NATS operator with one signing key, its system
 * account, and the one user of that account that the operator logs in as. Pure: randomness and time come in.
 *
 * Invariants:
 *  server-keys/K1 The servers' part holds public keys and JWTs only; no seed reaches the pods of NATS.
 *  server-keys/K2 The keys of the NATS operator and of the system account sign nothing themselves; only their signing keys do.
 */
import { type Nkey, type NkeyKind, nkeyOf } from '@distillery/nats';

import { userCreds } from './credentials.js';
import { signedJwt } from './jwt.js';
import { permissionsForSystem } from './permissions.js';

export interface ServerKeys {
  /** Seed (SO…) of the NATS operator's own key: makes a new operator JWT, for example with another signing key. */
  readonly operatorSeed: string;
  /** Seed (SO…) of its signing key, which signs the accounts of namespaces. */
  readonly operatorSigningSeed: string;
  /** Text of the .creds file of the operator's user in the system account. */
  readonly systemCreds: string;
  /** Part of the servers' configuration: the NATS operator and its system account (server-keys/K1). */
  readonly serverConfiguration: string;
}

export interface ServerKeysOptions {
  /** @returns that many bytes of a cryptographic source */
  readonly randomBytes: (count: number) => Uint8Array;
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

const seedBytes = 32;
const unlimited = { subs: -1, data: -1, payload: -1, imports: -1, exports: -1, wildcards: true, conn: -1, leaf: -1 };

export function serverKeys({ randomBytes, nowMs }: ServerKeysOptions): ServerKeys {
  const newKey = (kind: NkeyKind): Nkey => nkeyOf(kind, randomBytes(seedBytes));
  const [operator, operatorSigner] = [newKey('operator'), newKey('operator')];
  const [system, systemSigner] = [newKey('account'), newKey('account')];
  const iat = Math.floor(nowMs / 1_000);
  const operatorClaims = {
    iat,
    iss: operator.publicKey,
    name: 'distillery',
    sub: operator.publicKey,
    nats: {
      signing_keys: [operatorSigner.publicKey],
      system_account: system.publicKey,
      strict_signing_key_usage: true,
      type: 'operator',
      version: 2,
    },
  };
  const systemClaims = {
    iat,
    iss: operatorSigner.publicKey,
    name: 'SYS',
    sub: system.publicKey,
    nats: { limits: unlimited, signing_keys: [systemSigner.publicKey], type: 'account', version: 2 },
  };
  const lines = [
    `operator: ${signedJwt(operatorClaims, operator)}`,
    `system_account: ${system.publicKey}`,
    'resolver_preload: {',
    `  ${system.publicKey}: ${signedJwt(systemClaims, operatorSigner)}`,
    '}',
  ];
  return {
    operatorSeed: operator.seed,
    operatorSigningSeed: operatorSigner.seed,
    systemCreds: userCreds({
      signer: systemSigner,
      account: system.publicKey,
      user: newKey('user'),
      name: 'distillery-operator',
      rights: permissionsForSystem,
      issuedAtSeconds: iat,
    }),
    serverConfiguration: `${lines.join('\n')}\n`,
  };
}
