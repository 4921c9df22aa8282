/**
 * When the credentials and certificates of the operator end: a part of the composition root. They are read at each scrape, because
 * they are rotated.
 */
import { X509Certificate } from 'node:crypto';

import { readTextSync } from '@distillery/platform';

import { credsEndSeconds } from '../stream/index.js';

import type { OperatorConfig } from './config.js';

type Expiries = ReadonlyMap<string, number>;

/**
 * @param certificates PEM files by the name that the metric gets; undefined = not in use
 * @returns by name, in seconds since 1970; without those that have no end, and those that cannot be read now: the
 *   connection reports the latter
 */
export function credentialExpiries(
  auth: OperatorConfig['nats']['auth'],
  certificates: Readonly<Record<string, string | undefined>> = {},
): Expiries {
  const found = new Map(credsExpiry(auth));
  for (const [name, file] of Object.entries(certificates)) {
    if (file === undefined) continue;
    for (const [of, seconds] of endOf(name, file, certificatesEndSeconds)) found.set(of, seconds);
  }
  return found;
}

function credsExpiry(auth: OperatorConfig['nats']['auth']): Expiries {
  switch (auth.kind) {
    case 'accounts':
      return endOf('nats-system', auth.systemCredsFile, credsEndSeconds);
    case 'signed':
      return endOf('nats-operator', auth.credsFile, credsEndSeconds);
    case 'password':
      return new Map();
  }
}

function endOf(name: string, file: string, read: (text: string) => number | null): Expiries {
  try {
    const seconds = read(readTextSync(file));
    return new Map(seconds === null ? [] : [[name, seconds]]);
  } catch {
    return new Map();
  }
}

/** The first end of all certificates of a PEM text; null when there is none. */
function certificatesEndSeconds(text: string): number | null {
  const blocks = text.match(/-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----/gs) ?? [];
  const ends = blocks.map((block) => new X509Certificate(block).validToDate.getTime() / 1_000);
  return ends.length === 0 ? null : Math.min(...ends);
}
