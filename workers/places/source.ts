/** One remote file that can be asked for, and what it says about itself. */
import { RemoteError } from './errors.js';
import type { Answer } from './requests.js';

/** What tells one version of a file from another. */
export interface Version {
  readonly etag: string | null;
  /** As the server writes it. */
  readonly lastModified: string | null;
  /** Bytes; null where the server does not say. */
  readonly length: number | null;
}

/** The file, a part of it, or that it is the same (304) or not the same (412, 416) as what was asked for. */
export const answeringStatuses: readonly number[] = [200, 206, 304, 412, 416];

export interface Source {
  /** The uri of the file, for messages. */
  readonly about: string;
  /**
   * Asks for the file with these request headers.
   * @returns an answer with one of `answeringStatuses`; the caller reads or drops its body
   * @throws RemoteError for every other answer
   */
  readonly ask: (headers: Readonly<Record<string, string>>, signal: AbortSignal) => Promise<Answer>;
}

export function versionOf(answer: Answer): Version {
  const length = answer.header('content-length');
  return {
    etag: answer.header('etag'),
    lastModified: answer.header('last-modified'),
    length: length === null || !/^\d{1,15}$/.test(length) ? null : Number(length),
  };
}

/** Whether both are the same version, as far as they tell. Strong and weak tags of the same text are the same. */
export function sameVersion(left: Version, right: Version): boolean {
  if (left.length !== null && right.length !== null && left.length !== right.length) return false;
  if (left.etag !== null && right.etag !== null) return opaque(left.etag) === opaque(right.etag);
  return left.lastModified !== null && left.lastModified === right.lastModified;
}

/** Whether they are known to be two versions. Of servers that tell nothing, all are taken for one. */
export function otherVersion(left: Version, right: Version): boolean {
  const differ = (a: string | number | null, b: string | number | null): boolean => a !== null && b !== null && a !== b;
  if (differ(left.length, right.length)) return true;
  if (left.etag !== null && right.etag !== null) return opaque(left.etag) !== opaque(right.etag);
  return differ(left.lastModified, right.lastModified);
}

function opaque(etag: string): string {
  return etag.replace(/^W\//, '').replaceAll('"', '');
}

/** The bytes of a file that an answer holds. */
export interface PartRange {
  readonly first: number;
  readonly last: number;
  /** Bytes of the whole file. */
  readonly total: number;
}

/** null for an answer that is no part of a file. */
export function partIn(answer: Answer): PartRange | null {
  if (answer.status !== 206) return null;
  const range = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/.exec(answer.header('content-range') ?? '');
  if (range === null) return null;
  const [, first, last, total] = range.map(Number) as [number, number, number, number];
  return { first, last, total };
}

/** Whether a part is known to be one of another version. Its own length says nothing. */
export function isOfOther(version: Version, part: Answer): boolean {
  return otherVersion({ ...version, length: null }, { ...versionOf(part), length: null });
}

/** The header with which a server sends a part only of the same version; null for a version that has none. */
export function ifRangeOf({ etag, lastModified }: Version): string | null {
  if (etag !== null && !etag.startsWith('W/')) return etag;
  return lastModified;
}

/** Headers that ask for the file only if it is another version. */
export function unlessSame({ etag, lastModified }: Version): Readonly<Record<string, string>> {
  if (etag !== null) return { 'if-none-match': etag };
  return lastModified === null ? {} : { 'if-modified-since': lastModified };
}

/** Statuses that say: later. */
const passing: readonly number[] = [408, 425, 429, 500, 502, 503, 504, 507, 509, 520, 521, 522, 523, 524];

/** Longest wait that a server may ask for. */
const longestWaitMs = 60_000;

/** A server's refusal, by its status alone. @param credentials what to do about those */
export function refusalOf({ status, header }: Answer, about: string, credentials: string): RemoteError {
  const fault = (problem: string, remedy: string): { about: string; problem: string; remedy: string } => ({
    about,
    problem: `${problem} (HTTP status ${String(status)})`,
    remedy,
  });
  if (status === 401 || status === 403)
    return new RemoteError('denied', fault('the server denies access', credentials));
  if (status === 404 || status === 410)
    return new RemoteError('missing', fault('there is no such file', 'check the uri'));
  if (passing.includes(status)) {
    const askedWaitMs = waitIn(header('retry-after'));
    return new RemoteError('unavailable', fault('the server cannot answer now', 'try again later'), { askedWaitMs });
  }
  return new RemoteError('refused', fault('the server does not give the file', 'check the uri'));
}

/** What a server asks to wait, in milliseconds; 0 when it does not. */
function waitIn(seconds: string | null): number {
  return seconds === null || !/^\d{1,6}$/.test(seconds) ? 0 : Math.min(longestWaitMs, Number(seconds) * 1_000);
}
