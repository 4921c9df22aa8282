/** The operator's way into a NATS server that has an account for each namespace. */
import { type AccountLimits, NamespaceAccounts, type NamespaceAccountsOptions } from '../../src/stream/index.js';

import { type OperatorNats, testLifetime } from './nats-operator.js';

export const noAccountLimits: AccountLimits = {
  storageBytes: null,
  memoryBytes: null,
  streams: null,
  consumers: null,
  connections: null,
};

/** Returns accounts as an operator opens them after a start, while it leads and knows of no job. The caller closes them. */
export function openNamespaceAccounts(
  { url, accounts: { systemCreds, operatorSigningSeed } }: OperatorNats,
  changes: Partial<NamespaceAccountsOptions> = {},
): NamespaceAccounts {
  return new NamespaceAccounts({
    url,
    workerUrl: url,
    systemCreds: () => systemCreds,
    keys: { signingSeed: operatorSigningSeed, accountsSeed: operatorSigningSeed },
    limitsOf: () => noAccountLimits,
    credentialSeconds: testLifetime.seconds,
    nowMs: testLifetime.nowMs,
    mayAct: () => true,
    hasJobs: () => false,
    onChange: () => undefined,
    onStatus: () => undefined,
    ...changes,
  });
}
