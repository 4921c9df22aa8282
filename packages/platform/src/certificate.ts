/**
 * Whether a TLS certificate belongs to the server that was asked for, and what to do when it is refused. Adds to Node and
 * to the NATS client what they lack for addresses without a name.
 */
import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';

import { codeOf, type StatementFault } from '@distillery/base';

/** What Node puts in place of a host that it was not given. */
const unnamed = 'localhost';

/**
 * Returns the TLS option `checkServerIdentity` for a client that connects to one of these hosts. For a host that is an IP
 * address the NATS client names no host, and Node then asks for a certificate of `localhost`: here it must be one of an
 * address in the list.
 * @param hosts names and IP addresses, IPv6 without brackets
 */
export function identityCheckOf(
  hosts: readonly string[],
): (host: string, certificate: PeerCertificate) => Error | undefined {
  const addresses = hosts.filter((host) => isIP(host) !== 0);
  return (host, certificate) => {
    // Who asks is in a TLS handshake. Loading the module takes as long as half of Node's start, and most threads need none.
    const { checkServerIdentity: fitsHost } = process.getBuiltinModule('node:tls');
    if (host !== unnamed || addresses.length === 0) return fitsHost(host, certificate);
    const wanted = hosts.includes(unnamed) ? [unnamed, ...addresses] : addresses;
    const refusals = wanted.map((each) => fitsHost(each, certificate));
    return refusals.includes(undefined) ? undefined : refusals.at(-1);
  };
}

type CertificateFault = Omit<StatementFault, 'about'>;

/** By the error codes of Node and OpenSSL. */
const faults: Readonly<Record<string, CertificateFault>> = {
  ERR_TLS_CERT_ALTNAME_INVALID: {
    problem: 'the server certificate is for other hosts',
    remedy: 'connect by a name or an address that it lists, or add this one to it',
  },
  CERT_HAS_EXPIRED: { problem: 'the server certificate has expired', remedy: 'renew it' },
  CERT_NOT_YET_VALID: {
    problem: 'the server certificate is not valid yet',
    remedy: 'check the clocks of both machines',
  },
  ...Object.fromEntries(
    [
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'CERT_UNTRUSTED',
    ].map((code) => [
      code,
      {
        problem: 'the server certificate is not signed by an authority that is trusted here',
        remedy: 'set NODE_EXTRA_CA_CERTS to the file of its authority',
      },
    ]),
  ),
};

/**
 * What is wrong with the server's certificate, and what to do; null for an error that is not about a certificate.
 * @param address whether it asked for TLS, or the server alone did
 */
export function certificateFaultOf(error: unknown, { tls }: { readonly tls: boolean }): CertificateFault | null {
  const code = codeOf(error);
  // Without tls:// in the address the client takes no options, and so no check of IP addresses.
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID' && !tls)
    return { problem: 'the server asks for TLS', remedy: 'write tls:// instead of nats:// in the address' };
  return faults[code] ?? null;
}
