/**
 * Brings one remote file to a file on this machine: resumed after cuts, tried again with growing waits, and whole or not at
 * all.
 *
 * Invariants:
 *  download/D1 Bytes of two versions never meet in one file: a part is asked for with the version that it belongs to
 *     (If-Range), and a new version begins the file again, once.
 *  download/D2 The result has as many bytes as the server announced, and its digest is of the bytes on disk.
 */
import { createHash, type Hash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';

import { RemoteError, storageError } from './errors.js';
import { type RetryTools, withRetries } from './retries.js';
import { ifRangeOf, isOfOther, otherVersion, partIn, type Source, type Version, versionOf } from './source.js';
import type { Answer } from './requests.js';

export interface DownloadTools extends RetryTools {
  /** Makes room for a file of that many bytes. @throws RemoteError noRoom */
  readonly reserve: (bytes: number) => Promise<void>;
}

/** A whole file. */
export interface Downloaded extends Version {
  readonly bytes: number;
  /** SHA-256 of its bytes, hexadecimal. */
  readonly sha256: string;
}

export interface Wanted {
  /** The file that is written; it may hold the beginning of `begun`. */
  readonly path: string;
  /** The version of which `path` holds the beginning; null = begin. */
  readonly begun: Version | null;
  /** The version that a list of files promised; null = any. */
  readonly promised: Version | null;
  /** Called before the first byte of a version is written. */
  readonly begins: (version: Version) => void;
}

/** Room is made in steps of this size for a file whose length the server does not say. */
const unknownStepBytes = 64 * 2 ** 20;

/** @throws RemoteError; the beginning of the file stays for another attempt */
export async function download(source: Source, wanted: Wanted, tools: DownloadTools): Promise<Downloaded> {
  const file = await opened(wanted, source.about);
  try {
    const part = new Part(source, wanted, file, tools);
    await part.continueFrom(wanted.begun);
    return await withRetries(part, source.about, tools);
  } catch (error) {
    throw storageError(error, source.about) ?? error;
  } finally {
    await file.close();
  }
}

/** The part of a file that is here. */
class Part {
  readonly #source: Source;
  readonly #wanted: Wanted;
  readonly #file: FileHandle;
  readonly #tools: DownloadTools;
  #version: Version | null = null;
  #hash: Hash = createHash('sha256');
  #at = 0;
  #restarts = 0;
  #saidAtMs: number;
  /** The end of the longest part that was ever here: whether an attempt came further than those before it. */
  furthest = 0;

  constructor(source: Source, wanted: Wanted, file: FileHandle, tools: DownloadTools) {
    this.#source = source;
    this.#wanted = wanted;
    this.#file = file;
    this.#tools = tools;
    this.#saidAtMs = tools.clock.now();
  }

  /** Takes over what an earlier process wrote of this version. */
  async continueFrom(version: Version | null): Promise<void> {
    if (version === null) return;
    const piece = Buffer.allocUnsafe(2 ** 20);
    for (;;) {
      const { bytesRead } = await this.#file.read(piece, 0, piece.length, this.#at);
      if (bytesRead === 0) break;
      this.#hash.update(piece.subarray(0, bytesRead));
      this.#at += bytesRead;
    }
    this.#version = version;
    this.furthest = this.#at;
  }

  async attempt(): Promise<Downloaded> {
    const { signal } = this.#tools;
    const ifRange = this.#version === null ? null : ifRangeOf(this.#version);
    if (this.#at > 0 && ifRange === null) await this.#beginAgain();
    if (this.#at > 0 && this.#at === this.#version?.length) return this.#finish();
    const headers: Readonly<Record<string, string>> =
      this.#at > 0 && ifRange !== null ? { range: `bytes=${String(this.#at)}-`, 'if-range': ifRange } : {};
    // Bytes are wanted as they lie there: their number and digest are checked.
    const answer = await this.#source.ask({ ...headers, 'accept-encoding': 'identity' }, signal);
    try {
      if (this.#isOfAnother(answer)) {
        this.#noteChange();
        await this.#beginAgain();
        this.#version = null;
        return await this.attempt();
      }
      if (answer.status === 200) await this.#begin(versionOf(answer));
      else this.#checkPart(answer);
      await this.#write(answer);
    } finally {
      answer.drop();
    }
    return this.#finish();
  }

  /** Whether a part was asked for, and the server has another version. */
  #isOfAnother(answer: Answer): boolean {
    if (this.#at === 0) return false;
    if (answer.status === 412 || answer.status === 416) return true;
    if (answer.status !== 206 || this.#version === null) return false;
    return isOfOther(this.#version, answer);
  }

  /** @throws RemoteError changed at the second time */
  #noteChange(): void {
    this.#restarts += 1;
    if (this.#restarts > 1) throw this.#changed();
    this.#tools.log.warn(`${this.#source.about}: the content changed in the middle; beginning again`);
  }

  /** The server sends the whole file: of a new version, or because it knows no ranges. */
  async #begin(version: Version): Promise<void> {
    const { promised } = this.#wanted;
    if (promised !== null && otherVersion(promised, version)) throw this.#changed();
    if (this.#version !== null && otherVersion(this.#version, version)) this.#noteChange();
    if (this.#at > 0) await this.#beginAgain();
    this.#version = version;
    await this.#tools.reserve(version.length ?? unknownStepBytes);
    this.#wanted.begins(version);
  }

  async #beginAgain(): Promise<void> {
    await this.#file.truncate(0);
    this.#hash = createHash('sha256');
    this.#at = 0;
  }

  #checkPart(answer: Answer): void {
    const part = this.#at > 0 ? partIn(answer) : null;
    const length = this.#version?.length ?? null;
    if (part !== null && part.first === this.#at && (length === null || length === part.total)) return;
    throw new RemoteError('refused', {
      about: this.#source.about,
      problem: `the server answers with another part than the one from byte ${String(this.#at)}`,
      remedy: 'check the server, or what lies between',
    });
  }

  async #write(answer: Answer): Promise<void> {
    const length = this.#version?.length ?? null;
    for await (const piece of answer.body) {
      if (length !== null && this.#at + piece.length > length) break;
      if (
        length === null &&
        Math.floor((this.#at + piece.length) / unknownStepBytes) > Math.floor(this.#at / unknownStepBytes)
      ) {
        await this.#tools.reserve(this.#at + piece.length + unknownStepBytes);
      }
      await writeFully(this.#file, piece, this.#at);
      this.#hash.update(piece);
      this.#at += piece.length;
      this.furthest = Math.max(this.furthest, this.#at);
      this.#tools.signal.throwIfAborted();
      this.#sayProgress();
    }
    if (length === null || this.#at === length) return;
    throw new RemoteError('cut', {
      about: this.#source.about,
      problem: `the server ended the file after ${String(this.#at)} of ${String(length)} bytes`,
      remedy: 'try again later',
    });
  }

  #sayProgress(): void {
    const { clock, log, limits } = this.#tools;
    if (clock.now() - this.#saidAtMs < limits.progressMs) return;
    this.#saidAtMs = clock.now();
    log.info({ uri: this.#source.about, bytes: this.#at, of: this.#version?.length ?? null }, 'downloading');
  }

  async #finish(): Promise<Downloaded> {
    await this.#file.sync();
    const { etag = null, lastModified = null } = this.#version ?? {};
    return { etag, lastModified, length: this.#at, bytes: this.#at, sha256: this.#hash.digest('hex') };
  }

  #changed(): RemoteError {
    return new RemoteError('changed', {
      about: this.#source.about,
      problem: 'the content changed while it was fetched',
      remedy: 'try again when no program writes it, or pin it with #sha256=',
    });
  }
}

async function opened({ path, begun }: Wanted, about: string): Promise<FileHandle> {
  try {
    if (begun !== null) return await open(path, 'r+').catch(() => open(path, 'w+'));
    return await open(path, 'w+');
  } catch (error) {
    throw storageError(error, about) ?? error;
  }
}

async function writeFully(file: FileHandle, bytes: Uint8Array, at: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
