/**
 * Makes the keys of the chart's NATS server, unless they exist. The chart runs it before an installation and an upgrade:
 *
 *   node dist/src/release/nats-keys.js --namespace NAMESPACE --secret NAME [--label KEY=VALUE]...
 *
 * It needs the right to create Secrets in that namespace, and no other. DISTILLERY_KUBECONFIG names a kubeconfig outside of a
 * pod. Exit codes: 0 the Secret exists; 1 the API server refused or did not answer, so try again; 2 the call is wrong.
 */
import { randomBytes } from 'node:crypto';
import process from 'node:process';
import { parseArgs } from 'node:util';

import { DistilleryError } from '@distillery/base';
import { systemClock } from '@distillery/platform';

import { AccessError, apiClient, Budget, loadAccess, Transport } from '../cluster/kubernetes/index.js';
import { serverKeys } from '../stream/index.js';

import { createKeys, type KeysSecret } from './keys-secret.js';
import { UsageError } from './usage-error.js';

const exitCodes = { failed: 1, usage: 2 } as const;
/** The program sends one request. */
const budget = { qps: 10, burst: 10 };

/** @throws UsageError */
function secretIn(args: readonly string[]): KeysSecret {
  const { namespace, secret, label } = optionsIn(args);
  for (const [option, value] of Object.entries({ namespace, secret })) {
    if (value === '') throw new UsageError({ about: `--${option}`, problem: 'not given', remedy: 'give it a name' });
  }
  const labels = label.map((pair) => {
    const at = pair.indexOf('=');
    if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
    throw new UsageError({ about: '--label', found: pair, expected: 'KEY=VALUE', remedy: 'correct it' });
  });
  return { namespace, name: secret, labels: Object.fromEntries(labels) as Record<string, string> };
}

interface Options {
  readonly namespace: string;
  readonly secret: string;
  readonly label: readonly string[];
}

/** @throws UsageError for an option that the program does not know */
function optionsIn(args: readonly string[]): Options {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        namespace: { type: 'string', default: '' },
        secret: { type: 'string', default: '' },
        label: { type: 'string', multiple: true, default: [] },
      },
    });
    return values;
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    throw new UsageError({ about: 'arguments', problem: error.message, remedy: '' });
  }
}

async function main(): Promise<void> {
  const secret = secretIn(process.argv.slice(2));
  const {
    DISTILLERY_KUBECONFIG: path = '',
    KUBERNETES_SERVICE_HOST: host = '',
    KUBERNETES_SERVICE_PORT: port = '',
  } = process.env;
  const access = await loadAccess(path === '' ? { kind: 'pod', host, port } : { kind: 'file', path });
  const clock = systemClock;
  const transport = new Transport({ access, clock, userAgent: 'distillery-nats-keys' });
  try {
    const client = apiClient({ transport, budget: new Budget({ ...budget, clock }), clock });
    const outcome = await createKeys(secret, serverKeys({ randomBytes, nowMs: Date.now() }), client);
    const what = `Secret ${secret.namespace}/${secret.name}`;
    const sentence = outcome === 'Created' ? 'created, with new keys' : 'exists and stays as it is';
    process.stdout.write(`${what}: ${sentence}\n`);
  } finally {
    await transport.close();
  }
}

try {
  await main();
} catch (error) {
  if (!(error instanceof DistilleryError)) throw error;
  process.stderr.write(`${error.message}\n`);
  const isUsage = error instanceof UsageError || error instanceof AccessError;
  process.exitCode = isUsage ? exitCodes.usage : exitCodes.failed;
}
