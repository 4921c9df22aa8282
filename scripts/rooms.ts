/**
 * Reads and checks the rooms of docs/rooms.yaml, and derives from them the rules for dependency-cruiser and the table of
 * docs/architecture.md. A file belongs to the room with the longest path that holds it.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

import { parse } from 'yaml';

export const roomsFile = 'docs/rooms.yaml';

/** Folders whose subfolders must all be in a room. */
export const roots = ['packages', 'src', 'workers', 'test'];

export interface Room {
  /** Path from the top of the repository, without a closing slash. */
  readonly room: string;
  readonly owns: string;
  readonly imports: readonly string[] | 'any';
  /** Files, relative to the room, or the name under which npm links the room's package. */
  readonly doors: readonly string[] | 'any';
  readonly why?: string;
  readonly programs?: readonly string[];
  readonly pure?: boolean;
}

export interface Rule {
  readonly name: string;
  readonly comment: string;
  readonly severity: 'error';
  readonly from: Readonly<Record<string, unknown>>;
  readonly to: Readonly<Record<string, unknown>>;
}

const top = path.join(import.meta.dirname, '..');
const skipped = new Set(['node_modules', 'dist']);
const keys = new Set(['room', 'owns', 'imports', 'doors', 'why', 'programs', 'pure']);

/** @throws Error that names the row and its problem */
export function readRooms(): Room[] {
  const rows = parse(readFileSync(path.join(top, roomsFile), 'utf8')) as Room[];
  const problems = roomProblems(rows);
  if (problems.length > 0) throw new Error(problems.map((problem) => `${roomsFile}: ${problem}`).join('\n'));
  return rows;
}

/** Problems of the rows, in themselves and compared with the existing folders. */
export function roomProblems(rows: readonly Room[]): string[] {
  return [...rows.flatMap((row, at) => rowProblems(row, rows.slice(0, at))), ...missingRows(rows)];
}

function rowProblems(row: Room, above: readonly Room[]): string[] {
  const problem = (what: string): string => `row ${row.room}: ${what}`;
  const unknown = Object.keys(row).filter((key) => !keys.has(key));
  const imports = row.imports === 'any' ? [] : row.imports;
  const doors = row.doors === 'any' ? [] : row.doors;
  const needsWhy = row.doors === 'any' || doors.length !== 1;
  return [
    ...unknown.map((key) => problem(`${key} is not a key of a row`)),
    ...(row.owns ? [] : [problem('owns is empty; say what the room owns')]),
    ...(above.some(({ room }) => room === row.room) ? [problem('stands twice')] : []),
    ...imports
      .filter((name) => !above.some(({ room }) => room === name))
      .map((name) =>
        problem(`imports ${name}, which no row above it names; a room imports only rooms above its own row`),
      ),
    ...[...doors.map((door) => (isName(door) ? 'package.json' : door)), ...(row.programs ?? []), '.']
      .filter((file) => !existsSync(path.join(top, row.room, file)))
      .map((file) => problem(`${path.join(row.room, file)} does not exist`)),
    ...(needsWhy && row.why === undefined ? [problem('has not exactly one door; say why')] : []),
  ];
}

/** A package is imported by its name, which resolves to its build output. */
const isName = (door: string): boolean => door.startsWith('@');

function missingRows(rows: readonly Room[]): string[] {
  return (
    roots
      .filter((root) => existsSync(path.join(top, root)))
      .flatMap((root) =>
        readdirSync(path.join(top, root), { withFileTypes: true })
          .filter((entry) => entry.isDirectory() && !skipped.has(entry.name))
          .map((entry) => `${root}/${entry.name}`),
      )
      // Skip empty folders: Git does not track them, and a move leaves them behind.
      .filter((folder) => readdirSync(path.join(top, folder)).length > 0)
      .filter((folder) => !rows.some(({ room }) => room === folder || room.startsWith(`${folder}/`)))
      .map((folder) => `no row names ${folder}; add one that says what it owns and what it may import`)
  );
}

/** The room of a file, or undefined outside of all rooms. */
export function roomOf(file: string, rooms: readonly Room[]): Room | undefined {
  return rooms
    .filter(({ room }) => file.startsWith(`${room}/`))
    .reduce<Room | undefined>((best, room) => (best && best.room.length > room.room.length ? best : room), undefined);
}

const escaped = (text: string): string => text.replace(/[.\\+*?[\]^$(){}|]/g, String.raw`\$&`);

/** Matches the files of a room, those of rooms inside its folder left out. */
function pattern(room: string, rooms: readonly Room[]): string {
  const inner = rooms
    .filter((other) => other.room.startsWith(`${room}/`))
    .map((other) => `${escaped(other.room.slice(room.length + 1))}/`);
  return `^${escaped(room)}/${inner.length === 0 ? '' : `(?!${inner.join('|')})`}`;
}

const anyRoom = `^(${roots.join('|')})/`;

/** The name of a rule identifies its row. */
const named = (room: Room, key: string): string => `${roomsFile}, row ${room.room}, ${key}`;

function importRule(room: Room, rooms: readonly Room[]): Rule[] {
  if (room.imports === 'any') return [];
  const allowed = [room.room, ...room.imports].map((name) => pattern(name, rooms));
  return [
    {
      name: named(room, 'imports'),
      comment: `${room.room} may import ${room.imports.join(', ') || 'no other room'}.`,
      severity: 'error',
      from: { path: pattern(room.room, rooms) },
      to: { path: anyRoom, pathNot: allowed },
    },
  ];
}

function doorRule(room: Room, rooms: readonly Room[]): Rule[] {
  if (room.doors === 'any') return [];
  const own = pattern(room.room, rooms);
  const doors = room.doors.map((door) =>
    isName(door) ? `^${escaped(room.room)}/dist/index\\.` : `^${escaped(`${room.room}/${door}`)}$`,
  );
  // Tests may import every file of the room that they test, but a room of tests without a door is closed to other tests,
  // too.
  const from = room.room.startsWith('test/') ? anyRoom : anyRoom.replace('|test', '');
  return [
    {
      name: named(room, 'doors'),
      comment: `Other rooms import ${doors.length === 0 ? 'no file' : room.doors.join(' or ')} of ${room.room}.`,
      severity: 'error',
      from: { path: from, pathNot: own },
      to: { path: own, ...(doors.length === 0 ? {} : { pathNot: doors }) },
    },
  ];
}

function programRule(room: Room): Rule[] {
  if (room.programs === undefined) return [];
  const files = room.programs.map((file) => escaped(file));
  return [
    {
      name: named(room, 'programs'),
      comment: `${room.programs.join(', ')}: started, never imported.`,
      severity: 'error',
      from: {},
      to: { path: `^${escaped(room.room)}/(${files.join('|')})$` },
    },
  ];
}

function pureRule(room: Room, rooms: readonly Room[]): Rule[] {
  if (room.pure !== true) return [];
  return [
    {
      name: named(room, 'pure'),
      comment: `${room.room} is pure: no clock, randomness, network or disk. Pass them in.`,
      severity: 'error',
      from: { path: pattern(room.room, rooms) },
      to: { dependencyTypes: ['core'] },
    },
  ];
}

/** One rule for each key of each row that forbids something. */
export function roomRules(rooms: readonly Room[]): Rule[] {
  return [
    {
      name: 'tests stay outside',
      comment: 'What ships does not import tests.',
      severity: 'error',
      from: { path: anyRoom.replace('|test', '') },
      to: { path: '^test/' },
    },
    ...rooms.flatMap((room) => [
      ...importRule(room, rooms),
      ...doorRule(room, rooms),
      ...programRule(room),
      ...pureRule(room, rooms),
    ]),
  ];
}

/** The table of docs/architecture.md, in Markdown. */
export function roomsTable(rooms: readonly Room[]): string {
  const rows = rooms.map((row) => [
    code(row.room),
    row.owns,
    row.imports === 'any' ? 'every room above' : row.imports.map(code).join(', ') || 'nothing',
    doorWords(row),
    row.pure === true ? 'yes' : 'no',
  ]);
  return [
    '| room | owns | may import | doors | pure |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map((cells) => `| ${cells.map((cell) => cell.replaceAll('|', String.raw`\|`)).join(' | ')} |`),
    '',
  ].join('\n');
}

function doorWords({ doors, why, programs = [] }: Room): string {
  const open = doors === 'any' ? 'every file' : doors.map(code).join(', ') || 'none';
  const reason = why === undefined ? '' : `: ${why}`;
  return `${open}${reason}${programs.length === 0 ? '' : `; started by path: ${programs.map(code).join(', ')}`}`;
}

const code = (text: string): string => `\`${text}\``;
