/** What docs/rooms.yaml makes of the linter: which import each row forbids, and which rows are refused. */
import { describe, expect, test } from '@jest/globals';

interface Room {
  readonly room: string;
  readonly owns: string;
  readonly imports: readonly string[] | 'any';
  readonly doors: readonly string[] | 'any';
  readonly why?: string;
  readonly programs?: readonly string[];
  readonly pure?: boolean;
}

interface Side {
  readonly path?: string;
  readonly pathNot?: string | readonly string[];
  readonly dependencyTypes?: readonly string[];
}

interface Scripts {
  readonly readRooms: () => Room[];
  readonly roomProblems: (rooms: readonly Room[]) => string[];
  readonly roomRules: (rooms: readonly Room[]) => { name: string; from: Side; to: Side }[];
  readonly roomsTable: (rooms: readonly Room[]) => string;
}

const { readRooms, roomProblems, roomRules, roomsTable } = (await import(
  new URL('../../../scripts/rooms.ts', import.meta.url).href
)) as Scripts;

const rooms: readonly Room[] = [
  { room: 'src/ground', owns: 'ground', imports: [], doors: 'any', why: 'small', pure: true },
  { room: 'src/ports', owns: 'ports', imports: ['src/ground'], doors: ['index.ts'] },
  { room: 'src/ports/disk', owns: 'a disk', imports: ['src/ports'], doors: ['index.ts'] },
  {
    room: 'src/run',
    owns: 'a program',
    imports: ['src/ground', 'src/ports'],
    doors: [],
    why: 'a program',
    programs: ['main.ts'],
  },
];
const rules = roomRules(rooms);

const matches = ({ path, pathNot = [] }: Side, file: string): boolean =>
  (path === undefined || new RegExp(path).test(file)) &&
  ![pathNot].flat().some((pattern) => new RegExp(pattern).test(file));

/** Names of the rules that an import breaks, without the file. */
const broken = (from: string, to: string): string[] =>
  rules
    .filter((rule) => rule.to.dependencyTypes === undefined && matches(rule.from, from) && matches(rule.to, to))
    .map(({ name }) => name.replace('docs/rooms.yaml, row ', ''));

describe('an import', () => {
  test.each([
    ['within a room', 'src/ports/a.ts', 'src/ports/b.ts'],
    ['of a room that the row names, by its door', 'src/run/a.ts', 'src/ports/index.ts'],
    ['of any file of an open room', 'src/run/a.ts', 'src/ground/clock.ts'],
    ['of an outer room, by its door', 'src/ports/disk/a.ts', 'src/ports/index.ts'],
    ['of a library', 'src/ground/a.ts', 'node_modules/zod/index.js'],
    ['by a test, of any file', 'test/unit/a.test.ts', 'src/ports/disk/a.ts'],
  ])('%s is allowed', (_, from, to) => {
    expect(broken(from, to)).toEqual([]);
  });

  test.each([
    ['of a room that the row does not name', 'src/ground/a.ts', 'src/ports/index.ts', ['src/ground, imports']],
    ['past a door', 'src/run/a.ts', 'src/ports/b.ts', ['src/ports, doors']],
    ['past the door of an outer room', 'src/ports/disk/a.ts', 'src/ports/b.ts', ['src/ports, doors']],
    ['of an inner room that the row does not name', 'src/run/a.ts', 'src/ports/disk/index.ts', ['src/run, imports']],
    ['of an inner room, by the outer one', 'src/ports/a.ts', 'src/ports/disk/index.ts', ['src/ports, imports']],
    ['of a program', 'src/run/a.ts', 'src/run/main.ts', ['src/run, programs']],
    ['of a test', 'src/run/a.ts', 'test/kit/a.ts', ['tests stay outside', 'src/run, imports']],
  ])('%s is refused by the row that says so', (_, from, to, names) => {
    expect(broken(from, to)).toEqual(names);
  });

  test('of Node is refused in a pure room alone', () => {
    const pure = rules.filter(({ to }) => to.dependencyTypes?.includes('core'));
    expect(pure.map(({ name, from }) => [name, matches(from, 'src/ground/a.ts')])).toEqual([
      ['docs/rooms.yaml, row src/ground, pure', true],
    ]);
  });
});

describe('the file', () => {
  const sound = readRooms();
  const changed = (room: string, change: object): string[] =>
    roomProblems(sound.map((row) => (row.room === room ? { ...row, ...change } : row)));

  test('is sound, and its table names every room', () => {
    expect(roomProblems(sound)).toEqual([]);
    for (const { room } of sound) expect(roomsTable(sound)).toContain(`| \`${room}\` |`);
  });

  test('names every folder', () => {
    expect(roomProblems(sound.filter(({ room }) => room !== 'test/cluster'))).toEqual([
      'no row names test/cluster; add one that says what it owns and what it may import',
    ]);
  });

  test.each([
    [
      'an arrow that runs up',
      { imports: ['src/cli'] },
      'row src/api: imports src/cli, which no row above it names; a room imports only rooms above its own row',
    ],
    ['a door that does not exist', { doors: ['gone.ts'] }, 'row src/api: src/api/gone.ts does not exist'],
    [
      'a second door without a reason',
      { doors: ['index.ts', 'read.ts'] },
      'row src/api: has not exactly one door; say why',
    ],
    ['an empty purpose', { owns: '' }, 'row src/api: owns is empty; say what the room owns'],
    ['a key that it does not know', { door: 'index.ts' }, 'row src/api: door is not a key of a row'],
  ])('is refused with %s', (_, change, problem) => {
    expect(changed('src/api', change)).toEqual([problem]);
  });
});
