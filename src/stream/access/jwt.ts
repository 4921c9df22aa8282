/**
 * NATS JWTs: claims as JSON, signed by an nkey. The same claims and key give the same text, byte for byte; the official
 * library takes the time and the id from the clock (docs/adr/0009).
 */
import { createHash } from 'node:crypto';

import { type Nkey, toBase32 } from '@distillery/nats';

const header = { typ: 'JWT', alg: 'ed25519-nkey' };

/** @param claims without `jti`, which is a hash of them */
export function signedJwt(claims: object, signer: Nkey): string {
  const jti = toBase32(createHash('sha256').update(JSON.stringify(claims)).digest());
  const signed = `${encoded(header)}.${encoded({ jti, ...claims })}`;
  return `${signed}.${Buffer.from(signer.sign(Buffer.from(signed))).toString('base64url')}`;
}

/** The claims of a JWT, its signature not checked; null when the text is no JWT. */
export function claimsOf(jwt: string): unknown {
  const [, payload = ''] = jwt.split('.');
  try {
    return JSON.parse(Buffer.from(payload, 'base64url').toString()) as unknown;
  } catch {
    // A text that is no JSON is no JWT.
    return null;
  }
}

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
