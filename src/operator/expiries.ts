/** When the credentials of the operator end: a part of the composition root. They are read at each scrape, because they are rotated. */
import { readTextSync } from '@distillery/platform';

import { credsEndSeconds } from '../stream/index.js';

import type { OperatorConfig } from './config.js';

/**
 * @returns by name, in seconds since 1970; without those that have no end, and those that cannot be read now: the
 *   connection reports the latter
 */
export function credentialExpiries(auth: OperatorConfig['nats']['auth']): ReadonlyMap<string, number> {
  switch (auth.kind) {
    case 'accounts':
      return endOf('nats-system', auth.systemCredsFile);
    case 'signed':
      return endOf('nats-operator', auth.credsFile);
    case 'password':
      return new Map();
  }
}

function endOf(name: string, file: string): ReadonlyMap<string, number> {
  try {
    const seconds = credsEndSeconds(readTextSync(file));
    return new Map(seconds === null ? [] : [[name, seconds]]);
  } catch {
    return new Map();
  }
}
