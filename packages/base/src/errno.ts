/** What the operating system's refusal to write says: code to fault, in one place. Pure. */
import type { FaultOf } from './fault.js';

export type WriteRefusal = FaultOf & {
  readonly reason:
    /** No space or quota left: room may come. */
    | 'full'
    /** A limit on the size of a file. */
    | 'limited'
    | 'readOnly'
    | 'forbidden'
    /** Something else is at the path. */
    | 'occupied'
    | 'missing'
    /** The medium does not give back what was written. */
    | 'unreadable';
};

const forbidden: WriteRefusal = {
  reason: 'forbidden',
  problem: 'it may not be read or written',
  remedy: 'change its owner or permissions',
};
const occupied: WriteRefusal = {
  reason: 'occupied',
  found: 'a file',
  expected: 'a folder',
  remedy: 'name another folder',
};

const refusals: Readonly<Record<string, WriteRefusal>> = {
  ENOSPC: { reason: 'full', problem: 'no space is left on its disk', remedy: 'free some space' },
  EDQUOT: { reason: 'full', problem: 'the disk quota is used up', remedy: 'free some space' },
  EFBIG: { reason: 'limited', problem: 'a limit on the size of a file is reached', remedy: 'raise it (ulimit -f)' },
  EROFS: { reason: 'readOnly', problem: 'the file system is read-only', remedy: 'mount it writable' },
  EACCES: forbidden,
  EPERM: forbidden,
  ENOENT: { reason: 'missing', problem: 'it is not there any more', remedy: 'check what removes files there' },
  ENOTDIR: occupied,
  EEXIST: occupied,
  EIO: { reason: 'unreadable', problem: 'an input/output error', remedy: 'check the disk' },
};

/** @param code such as ENOSPC. @returns null for a code that says nothing of the place */
export function writeRefusalOf(code: string): WriteRefusal | null {
  return refusals[code] ?? null;
}
