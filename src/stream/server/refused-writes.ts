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
    return new RefusedWrites(logFile, await sizeOf(logFile));
  }

  /** @returns the code of the first refusal since the last call, as EFBIG; null = there was none */
  async next(): Promise<string | null> {
    const size = await sizeOf(this.#logFile);
    // The server begins a new file when one is long.
    const from = Math.max(size < this.#read ? 0 : this.#read, size - mostBytes);
    const text = await textBetween(this.#logFile, from, size);
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

/** 0 while there is no such file. */
async function sizeOf(path: string): Promise<number> {
  return (await bytesOf(path, async (file) => (await file.stat()).size)) ?? 0;
}

async function textBetween(path: string, from: number, to: number): Promise<string> {
  const bytes = await bytesOf(path, async (file) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(to - from), 0, to - from, from);
    return buffer.subarray(0, bytesRead);
  });
  return bytes?.toString('latin1') ?? '';
}

type OpenFile = Awaited<ReturnType<typeof open>>;

/** null when the file cannot be read now: it is a hint, and the next look may see more. */
async function bytesOf<T>(path: string, read: (file: OpenFile) => Promise<T>): Promise<T | null> {
  let file: OpenFile;
  try {
    file = await open(path, 'r');
  } catch {
    return null;
  }
  try {
    return await read(file);
  } finally {
    await file.close();
  }
}
