/** What the API server was asked, by whom: its audit log, read as it grows. */
import { open } from 'node:fs/promises';

/** Fields of audit.k8s.io/v1 Event that tests look at. */
export interface AuditEvent {
  readonly auditID: string;
  /** A watch has both; everything else the second only. */
  readonly stage: 'ResponseStarted' | 'ResponseComplete' | 'Panic';
  readonly requestURI: string;
  readonly verb: string;
  readonly user: { readonly username: string; readonly groups?: readonly string[] };
  readonly userAgent?: string;
  readonly objectRef?: {
    readonly resource: string;
    readonly namespace?: string;
    readonly name?: string;
    readonly uid?: string;
    readonly apiGroup?: string;
    readonly apiVersion?: string;
    readonly resourceVersion?: string;
    readonly subresource?: string;
  };
  readonly responseStatus?: { readonly code: number; readonly reason?: string; readonly message?: string };
  /** Of writes, with `audit: 'RequestResponse'`. */
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}
export type AuditLevel = 'Metadata' | 'RequestResponse';

/** The bodies of reads would fill the disk, and no test needs them. */
export function auditPolicy(level: AuditLevel): object {
  const bodies = { level: 'RequestResponse', verbs: ['create', 'update', 'patch', 'delete', 'deletecollection'] };
  return {
    apiVersion: 'audit.k8s.io/v1',
    kind: 'Policy',
    omitStages: ['RequestReceived'],
    rules: [...(level === 'RequestResponse' ? [bodies] : []), { level: 'Metadata' }],
  };
}

export class AuditTrail {
  readonly #file: string;
  readonly #events: AuditEvent[] = [];
  #offset = 0;
  /** Bytes after the last line break: a line that is still being written. */
  #rest = Buffer.alloc(0);

  constructor(file: string) {
    this.#file = file;
  }

  /** Everything so far, oldest first. A request may appear a moment after its answer. */
  async events(): Promise<readonly AuditEvent[]> {
    const handle = await open(this.#file, 'r');
    try {
      const { size } = await handle.stat();
      const added = Buffer.alloc(size - this.#offset);
      const { bytesRead } = await handle.read(added, 0, added.length, this.#offset);
      this.#offset += bytesRead;
      this.#take(added.subarray(0, bytesRead));
    } finally {
      await handle.close();
    }
    return this.#events;
  }

  #take(added: Buffer): void {
    const bytes = Buffer.concat([this.#rest, added]);
    const end = bytes.lastIndexOf('\n') + 1;
    this.#rest = bytes.subarray(end);
    for (const line of bytes.subarray(0, end).toString().split('\n')) {
      if (line !== '') this.#events.push(JSON.parse(line) as AuditEvent);
    }
  }
}
