import { maxNoteLength, maxNotes } from '@distillery/protocol';

import type { Log } from './log.js';

/**
 * What a person should know of a process that works: what it recognized, what it left out, likely mistakes. Each note goes
 * to the log and into the telemetry once, from where terminal and status show it. Past the limit (I4) it goes to the log alone.
 */
export class Notes {
  /** The first ones, for the telemetry; grows with the notes. */
  readonly list: string[] = [];
  readonly #seen = new Set<string>();

  constructor(private readonly log: Pick<Log, 'warn'>) {}

  add(note: string): void {
    if (this.#seen.has(note)) return;
    this.log.warn(note);
    if (this.list.length >= maxNotes) return;
    this.#seen.add(note);
    this.list.push(note.length > maxNoteLength ? `${note.slice(0, maxNoteLength - 1)}…` : note);
  }
}
