/**
 * Writes that the operating system refused to a nats-server, from the server's log. A full disk makes the server turn JetStream
 * off; after any other refusal it runs on, answers none of the publishers that it cannot serve, and says so in its log alone.
 */
import { open } from 'node:fs/promises';

/** The errors of Go's `syscall` package that a store can meet, by their text. */
const codes: Readonly<Record<string, string>> = {
  'disk quota exceeded': 'EDQUOT',
  'file too large': 'EFBIG',
  'input/output error': 'EIO',
  'no space left on device': 'ENOSPC',
  'permission denied': 'EACCES',
  'read-only file system': 'EROFS',
};
const refusal = /\[ERR\] JetStream failed to store a msg on stream '[^']*': .*: ([a-z/ -]+)$/gm;
/** More than the server writes between two looks; what is before it is not read. */
const mostBytes = 1024 * 1024;

export class RefusedWrites {
  readonly #logFile: string;
  #read: number;

  private constructor(logFile: string, read: number) {
    this.#logFile = logFile;
    this.#read = read;
  }

  /** Leaves out what an earlier server wrote into the same log. */
  static async after(logFile: string): Promise<RefusedWrites> {
    const size = await inFile(logFile, async (file) => (await file.stat()).size);
    return new RefusedWrites(logFile, size ?? 0);
  }

  /** @returns the code of the first refusal since the last call, as EFBIG; null = there was none */
  async next(): Promise<string | null> {
    const read = await inFile(this.#logFile, async (file) => {
      const { size } = await file.stat();
      // The server begins a new file when one is long.
      const from = Math.max(size < this.#read ? 0 : this.#read, size - mostBytes);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(size - from), 0, size - from, from);
      return { from, text: buffer.toString('latin1', 0, bytesRead) };
    });
    if (read === null) return null;
    const { from, text } = read;
    // A line may be written in parts.
    const whole = text.slice(0, text.lastIndexOf('\n') + 1);
    // One byte a character, as it was decoded.
    this.#read = from + whole.length;
    for (const [, reason = ''] of whole.matchAll(refusal)) {
      const code = codes[reason];
      if (code !== undefined) return code;
    }
    return null;
  }
}

type OpenFile = Awaited<ReturnType<typeof open>>;

/** null when the file cannot be read now: it is a hint, and the next look may see more. */
async function inFile<T>(path: string, work: (file: OpenFile) => Promise<T>): Promise<T | null> {
  let file: OpenFile;
  try {
    file = await open(path, 'r');
  } catch {
    return null;
  }
  try {
    return await work(file);
  } finally {
    await file.close();
  }
}
