/** What a process tells a person: into its log and, once and bounded, into its telemetry. */
import { maxNoteLength, maxNotes, studentStateSchema } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { Notes } from '../../../workers/base/index.js';
import { ReplacedRows } from '../../../workers/data/index.js';
import { training } from '../../kit/snapshots.js';

function recorded(): { readonly notes: Notes; readonly warnings: string[] } {
  const warnings: string[] = [];
  return { notes: new Notes({ warn: (message: unknown) => warnings.push(String(message)) }), warnings };
}

describe('notes', () => {
  test('are logged and kept once', () => {
    const { notes, warnings } = recorded();
    for (const note of ['a', 'b', 'a']) notes.add(note);
    expect([notes.list, warnings]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  test('fit the telemetry, however many and long they are', () => {
    const { notes, warnings } = recorded();
    for (let at = 0; at < 100; at++) notes.add(`${String(at)} ${'x'.repeat(1_000)}`);
    expect(warnings).toHaveLength(100);
    expect(notes.list).toHaveLength(maxNotes);
    expect(notes.list[0]).toMatch(/x…$/);
    expect(notes.list[0]).toHaveLength(maxNoteLength);
    const { notes: read } = studentStateSchema.parse(training({ notes: notes.list }));
    expect(read).toEqual(notes.list);
  });

  test('hold nothing that a terminal acts on, once they are read', () => {
    const { notes } = studentStateSchema.parse(training({ notes: ['a\u001b[2Jb'] }));
    expect(notes?.[0]).not.toContain('\u001b');
  });
});

test('the first replaced row is a note, the next ones are in the log alone', () => {
  const { notes, warnings } = recorded();
  const log: string[] = [];
  const replaced = new ReplacedRows({ note: (message) => notes.add(message), warn: (message) => log.push(message) });
  for (let row = 1; row <= 20; row++) replaced.add({ row: `a.csv, line ${String(row)}`, problem: 'no number' });
  expect(notes.list).toEqual([
    'a.csv, line 1: no number; the next good row takes its place (further rows are in the log)',
  ]);
  expect(warnings).toHaveLength(1);
  expect(log).toHaveLength(10);
  expect(log.at(-1)).toContain('16 rows were replaced so far');
});
