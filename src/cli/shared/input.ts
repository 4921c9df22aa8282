/**
 * Reads the text that a parameter names: a file, a pipe such as `<(envsubst < job.yaml)`, or `-` for standard input.
 *
 * Invariant: waiting for a writer never blocks the process; Ctrl-C ends the wait.
 */
import { closeSync, constants, fstatSync, openSync } from 'node:fs';
import { Socket } from 'node:net';
import { addAbortSignal, type Readable } from 'node:stream';

import { decodeText, TextError, within } from '@distillery/base';
import { readFaultOf, readRegularSync } from '@distillery/platform';

import { CliError } from './cli-error.js';
import type { StopRequest } from './stop.js';

export interface InputSource {
  readonly stdin: Readable;
  readonly stop: StopRequest;
}

/** Reads what a parameter names, as `readInput` does. @throws CliError */
export type ReadInput = (path: string) => Promise<string>;

/** More than any job, plan or parameter file needs; an endless stream is refused. */
const maxStreamBytes = 64 * 1024 * 1024;

/** @returns what to call an input in a message */
export function inputName(path: string): string {
  return path === '-' ? 'standard input' : path;
}

/** @returns the text of a file, of a pipe, or of standard input for `-` @throws CliError */
export async function readInput(path: string, source: InputSource): Promise<string> {
  if (path === '-') return textOf(inputName(path), await readStream(inputName(path), source.stdin, source));
  let pipe: Socket | null;
  try {
    pipe = openPipe(path);
    if (pipe === null) return textOf(path, readRegularSync(path));
  } catch (error) {
    throw unreadable(path, error);
  }
  return textOf(path, await readStream(path, pipe, source));
}

/** @returns null when the path is not a pipe. @throws the system's error with its code */
function openPipe(path: string): Socket | null {
  // A blocking open of a named pipe would wait for a writer, and so would the exit of this process.
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  if (fstatSync(fd).isFIFO()) return new Socket({ fd, readable: true, writable: false });
  closeSync(fd);
  return null;
}

async function readStream(name: string, stream: Readable, { stop }: InputSource): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of addAbortSignal(stop.signal, stream)) {
      chunks.push(chunk as Uint8Array);
      bytes += (chunk as Uint8Array).length;
      if (bytes > maxStreamBytes) {
        throw new CliError('badInput', {
          about: name,
          problem: `more than ${String(maxStreamBytes)} bytes`,
          remedy: 'name the file that is meant',
        });
      }
    }
  } catch (error) {
    if (stop.signal.aborted)
      throw new CliError(
        stop.ending,
        { about: name, problem: 'stopped before all of it was read', remedy: '' },
        { cause: error },
      );
    throw unreadable(name, error);
  }
  return Buffer.concat(chunks);
}

function textOf(name: string, bytes: Uint8Array): string {
  try {
    return decodeText(bytes);
  } catch (error) {
    throw unreadable(name, error);
  }
}

function unreadable(name: string, error: unknown): CliError {
  if (error instanceof CliError) return error;
  if (error instanceof TextError) return new CliError('badInput', within(name, error.fault), { cause: error });
  const { found, remedy } = readFaultOf(error, name);
  return new CliError('badInput', { about: name, found, expected: 'a file', remedy }, { cause: error });
}
