/**
 * How full the JetStream stores of the NATS servers are, from their answers to a user of the system account. Answers come from the
 * network: what is not a figure counts as no answer. Pure.
 *
 * A server refuses a new stream when the maximum sizes of its streams reach its own maximum, even if little is stored. So the larger of
 * stored and reserved bytes counts. Limits of accounts are no part of either.
 */
import { isJsonObject, parsedJson } from '@distillery/base';

/** One kind of storage of one server. */
export interface ServerStorage {
  readonly storage: 'file' | 'memory';
  readonly usedBytes: number;
  /** By the maximum sizes of the streams of all accounts. */
  readonly reservedBytes: number;
  readonly limitBytes: number;
}

/** The fields of an answer, by kind of storage. */
const kinds = [
  { storage: 'file', used: 'storage', reserved: 'reserved_storage', limit: 'max_storage' },
  { storage: 'memory', used: 'memory', reserved: 'reserved_memory', limit: 'max_memory' },
] as const;

/** @param answers one of each server @returns the fullest server's figures for each kind of storage that any server has */
export function fullestStorage(answers: readonly string[]): ServerStorage[] {
  const found = answers.flatMap((answer) => storageIn(answer));
  return kinds.flatMap(({ storage }) => {
    const [fullest] = found.filter((each) => each.storage === storage).sort((a, b) => share(b) - share(a));
    return fullest ?? [];
  });
}

function share({ usedBytes, reservedBytes, limitBytes }: ServerStorage): number {
  return Math.max(usedBytes, reservedBytes) / limitBytes;
}

/** A server without JetStream has a limit of zero, and no storage. */
function storageIn(answer: string): ServerStorage[] {
  const parsed = parsedJson(answer);
  const data = isJsonObject(parsed) ? parsed.data : null;
  if (!isJsonObject(data) || !isJsonObject(data.config)) return [];
  const { config } = data;
  return kinds.flatMap(({ storage, used, reserved, limit }) => {
    const [usedBytes, reservedBytes, limitBytes] = [data[used], data[reserved], config[limit]];
    const isRead = isBytes(usedBytes) && isBytes(reservedBytes) && isBytes(limitBytes) && limitBytes > 0;
    return isRead ? [{ storage, usedBytes, reservedBytes, limitBytes }] : [];
  });
}

/** A server counts with 64 bits, JavaScript exactly up to 53; a count that fell below zero comes as one close to 2^64. */
function isBytes(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
