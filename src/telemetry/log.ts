/**
 * The operator's log: one JSON object on each line. Texts come from pods and servers, so every character that a terminal
 * acts on is escaped (packages/base/src/printable.ts).
 */
import { printableJson, redacted } from '@distillery/base';
import { destination, type DestinationStream, pino } from 'pino';

export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface OutputLog extends Log {
  debug(fields: object, message: string): void;
  trace(fields: object, message: string): void;
  /** False when the level is disabled, so that callers can skip building the line. */
  isLevelEnabled(level: 'debug' | 'trace'): boolean;
  /** A log that adds these fields to every line. */
  child(fields: object): OutputLog;
}

/**
 * A log that appends to a file, without secrets (redact.ts). Each line is written synchronously, so that a crash loses none.
 * A line that cannot be written, as on a full disk, is dropped: logging never fails its caller.
 * @throws Error when the file cannot be opened
 */
export function fileLog(path: string): Log {
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: safe } }, atOnce(path));
}

/**
 * A log for a process in a pod: on standard output, without secrets (redact.ts), written synchronously. Logging never fails
 * its caller.
 * @param level the minimum level
 * @param to the destination; absent = standard output
 */
export function outputLog(level: string, to: DestinationStream = atOnce(1)): OutputLog {
  return pino({ base: null, level, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: safe } }, to);
}

/** A line without secrets and without characters that a terminal acts on. */
function safe(line: string): string {
  return printableJson(redacted(line));
}

function atOnce(dest: string | number): DestinationStream {
  const stream = destination({ dest, sync: true });
  stream.on('error', () => undefined);
  return stream;
}
