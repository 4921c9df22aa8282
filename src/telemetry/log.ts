/**
 * The operator's log: structured lines, one object each. Texts in them come from pods and servers; no character that a
 * terminal acts on is written as it is (packages/base/src/printable.ts).
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
  /** False for what would not be written: nobody need make it. */
  isLevelEnabled(level: 'debug' | 'trace'): boolean;
  /** A log whose every line also has these fields. */
  child(fields: object): OutputLog;
}

/**
 * A log that appends to a file, without secrets (redact.ts); lines are written at once, so that none is lost in a crash. A line that cannot be
 * written (disk full) is lost without a word: whoever logs does not fail by it.
 * @throws Error when the file cannot be opened
 */
export function fileLog(path: string): Log {
  return pino({ base: null, timestamp: pino.stdTimeFunctions.isoTime, hooks: { streamWrite: safe } }, atOnce(path));
}

/**
 * A log for what runs in a pod: on standard output, without secrets (redact.ts). Written at once, and never failing
 * whoever logs, as that of a file.
 * @param level least that is written
 * @param to where to; absent = standard output
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
