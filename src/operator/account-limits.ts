/** Limits of NATS accounts as the operator's settings write them: `storage=100Gi,streams=500`. Pure. */
import { QuantityError, quantityValue } from '../api/index.js';
import type { AccountLimits } from '../stream/index.js';

/** The words of the setting and the limits that they set. */
const words = {
  storage: 'storageBytes',
  memory: 'memoryBytes',
  streams: 'streams',
  consumers: 'consumers',
  connections: 'connections',
} as const satisfies Record<string, keyof AccountLimits>;

const sizes: readonly string[] = ['storage', 'memory'];
const none: AccountLimits = {
  storageBytes: null,
  memoryBytes: null,
  streams: null,
  consumers: null,
  connections: null,
};
/** A server counts with 64 bits, JavaScript exactly up to 53. */
const most = Number.MAX_SAFE_INTEGER;
const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;

/** Parses `storage=100Gi,streams=500`; an omitted limit is unlimited. @returns null when the text is not valid */
export function parseAccountLimits(text: string): AccountLimits | null {
  const some = parseSome(text);
  return some === null ? null : { ...none, ...some };
}

/** Parses `team-a:storage=1Ti,streams=500;team-b:storage=10Gi`. @returns limits by namespace; null when the text is not valid */
export function parseNamespaceLimits(text: string): ReadonlyMap<string, Partial<AccountLimits>> | null {
  const found = new Map<string, Partial<AccountLimits>>();
  for (const entry of partsOf(text, ';')) {
    const [, namespace = '', limits = ''] = /^([^:]*):(.*)$/.exec(entry) ?? [];
    const some = parseSome(limits);
    if (!namespaceName.test(namespace) || found.has(namespace) || some === null || limits.trim() === '') return null;
    found.set(namespace, some);
  }
  return found;
}

function parseSome(text: string): Partial<AccountLimits> | null {
  const found = new Map<keyof AccountLimits, number>();
  for (const entry of partsOf(text, ',')) {
    const [word = '', amount = '', ...more] = entry.split('=').map((part) => part.trim());
    const limit = Object.entries(words).find(([each]) => each === word)?.[1];
    const value = sizes.includes(word) ? bytesIn(amount) : countIn(amount);
    if (limit === undefined || value === null || more.length > 0 || found.has(limit)) return null;
    found.set(limit, value);
  }
  return Object.fromEntries(found);
}

function partsOf(text: string, separator: string): string[] {
  return text
    .split(separator)
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

function countIn(text: string): number | null {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : null;
}

function bytesIn(text: string): number | null {
  try {
    const bytes = quantityValue(text);
    return bytes > 0 && bytes <= most ? bytes : null;
  } catch (error) {
    if (error instanceof QuantityError) return null;
    throw error;
  }
}
