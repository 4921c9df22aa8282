/** What goes between a process and the thread that fetches parts of remote files for it. */
import type { CredentialSource } from './credentials.js';
import type { RetryLimits } from './retries.js';
import type { TransportLimits } from './requests.js';
import type { Version } from './source.js';
import type { WebPlace } from './web.js';

/** One remote file in one version. */
export interface RangedFile {
  /** The uri, for messages. */
  readonly about: string;
  readonly place:
    ({ readonly kind: 'web' } & WebPlace) | { readonly kind: 's3'; readonly bucket: string; readonly key: string };
  readonly version: Version & { readonly length: number };
}

/** Of one block: which file and bytes, and where they go in the shared memory. */
export interface BlockOrder {
  readonly file: number;
  readonly position: number;
  readonly length: number;
  /** In the block memory. */
  readonly to: number;
}

/** From the thread: it runs, or what it tries again. */
export type ThreadMessage = { readonly kind: 'ready' } | { readonly kind: 'warning'; readonly text: string };

/** Given to the thread at its start. */
export interface RangeThreadData {
  readonly files: readonly RangedFile[];
  readonly credentials: CredentialSource;
  readonly transport: TransportLimits;
  readonly retries: RetryLimits;
  readonly seed: number;
  /** Certificates of the authorities that this process trusts: a thread begins with those of the machine. */
  readonly authorities: readonly string[];
  readonly shared: SharedMemory;
}

export interface SharedMemory {
  /** One number, see `states`. */
  readonly state: SharedArrayBuffer;
  readonly blocks: SharedArrayBuffer;
  /** The error of a failed order: its length in 4 bytes, little-endian, then JSON. */
  readonly fault: SharedArrayBuffer;
}

export const states = { asked: 0, here: 1, failed: 2 } as const;
export const maxFaultBytes = 16_384;
