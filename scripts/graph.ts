/**
 * Prints the import graph: rooms first, then the inside of every room, whose parts are its files and its folders. An
 * arrow is one importer and one imported part, however many imports it holds; a part's floor is one above the highest
 * floor that it imports. Fails on a rule of docs/rooms.yaml, on parts that import each other in a circle, on an arrow
 * between rooms that runs up, and on a row that allows what no file does.
 *
 *     npm run graph               one line a room
 *     npm run graph -- PLACE …    the arrows inside these rooms, and between the rooms of these folders; . = all rooms
 *     npm run graph -- --check    only problems
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';

import { readRooms, type Room, roomOf, roomsFile, roots } from './rooms.ts';

interface Cruise {
  readonly modules: readonly { readonly source: string; readonly dependencies: readonly { resolved: string }[] }[];
  readonly summary: {
    readonly violations: readonly { from: string; to: string; rule: { name: string } }[];
    readonly ruleSetUsed?: { readonly forbidden?: readonly { name: string; comment?: string }[] };
  };
}

/** The imported parts of each part. */
type Graph = Map<string, Set<string>>;

const top = path.join(import.meta.dirname, '..');

/** Runs dependency-cruiser over all rooms. @throws Error with its output when it returns no graph */
function cruise(): Cruise {
  const bin = path.join(top, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs');
  const folders = roots.flatMap((root) => (root === 'packages' ? packageSources() : root));
  const { stdout, stderr } = spawnSync(
    process.execPath,
    [bin, '--config', '.dependency-cruiser.cjs', '--output-type', 'json', ...folders],
    { cwd: top, encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  try {
    return JSON.parse(stdout) as Cruise;
  } catch {
    throw new Error(`dependency-cruiser gave no graph: ${stderr.trim()}`);
  }
}

/** Source folders of the packages; their build output is beside these. */
function packageSources(): string[] {
  const packages = path.join(top, 'packages');
  if (!existsSync(packages)) return [];
  return readdirSync(packages)
    .map((name) => `packages/${name}/src`)
    .filter((folder) => existsSync(path.join(top, folder)));
}

/** @param part returns the part of a file, or undefined outside of the graph */
function graphOf({ modules }: Cruise, part: (file: string) => string | undefined): Graph {
  const graph: Graph = new Map();
  for (const { source, dependencies } of modules) {
    const from = part(source);
    if (from === undefined) continue;
    const arrows = graph.get(from) ?? new Set();
    graph.set(from, arrows);
    for (const { resolved } of dependencies) {
      const to = part(resolved);
      if (to !== undefined && to !== from) arrows.add(to);
    }
  }
  return graph;
}

/** Parts that reach themselves, sorted. */
function circles(graph: Graph): string[] {
  const reaches = (start: string): boolean => {
    const seen = new Set<string>();
    const open = [...(graph.get(start) ?? [])];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (at === start) return true;
      if (seen.has(at)) continue;
      seen.add(at);
      open.push(...(graph.get(at) ?? []));
    }
    return false;
  };
  return [...graph.keys()].filter(reaches).sort();
}

/** @param graph without a circle. @returns the floor of each part, from 1 */
function floors(graph: Graph): Map<string, number> {
  const known = new Map<string, number>();
  const floor = (part: string): number => {
    const before = known.get(part);
    if (before !== undefined) return before;
    const height = 1 + Math.max(0, ...[...(graph.get(part) ?? [])].map(floor));
    known.set(part, height);
    return height;
  };
  for (const part of graph.keys()) floor(part);
  return known;
}

function summary(name: string, graph: Graph): string {
  const arrows = [...graph.values()].reduce((sum, { size }) => sum + size, 0);
  const inCircle = circles(graph);
  const height = inCircle.length > 0 ? '-' : String(Math.max(0, ...floors(graph).values()));
  const columns = [
    String(graph.size).padStart(5),
    String(arrows).padStart(6),
    height.padStart(6),
    String(inCircle.length).padStart(9),
  ];
  return `${name.padEnd(30)} ${columns.join(' ')}${inCircle.length > 0 ? `: ${inCircle.join(', ')}` : ''}`;
}

function arrowsOf(graph: Graph): string[] {
  const height = circles(graph).length > 0 ? new Map<string, number>() : floors(graph);
  const parts = [...graph.keys()].sort((a, b) => (height.get(b) ?? 0) - (height.get(a) ?? 0) || a.localeCompare(b));
  return parts.map((part) => {
    const to = [...(graph.get(part) ?? [])].sort();
    return `  ${String(height.get(part) ?? '-').padStart(2)} ${part}${to.length > 0 ? ` → ${to.join(', ')}` : ''}`;
  });
}

/** Problems of the arrows between rooms that dependency-cruiser's rules do not cover. */
function roomProblems(graph: Graph, rooms: readonly Room[]): string[] {
  const at = (name: string): number => rooms.findIndex(({ room }) => room === name);
  return rooms.flatMap(({ room, imports }) => {
    const used = [...(graph.get(room) ?? [])];
    const up = used.filter((other) => at(other) > at(room)).map((other) => `${room} → ${other} runs up`);
    const allowed = imports === 'any' ? [] : imports.filter((other) => !used.includes(other));
    const unused = allowed.map((other) => `${roomsFile}, row ${room}: imports ${other}, and no file does; remove it`);
    return [...up, ...unused];
  });
}

const rooms = readRooms();
const result = cruise();
const words = process.argv.slice(2);
const wanted = words.filter((word) => word !== '--check').map((name) => name.replace(/\/$/, ''));

/** The arrows between the rooms of a folder, the room of the folder itself included; `.` = all rooms. */
const between = (folder: string): Graph =>
  graphOf(result, (file) => {
    const room = roomOf(file, rooms)?.room;
    return folder === '.' || room === folder || room?.startsWith(`${folder}/`) === true ? room : undefined;
  });

/** The arrows between the files and folders of a room. */
const within = (room: string): Graph =>
  graphOf(result, (file) => {
    const inner = file.slice(room.length + 1).replace(/^src\//, '');
    const isOwn = roomOf(file, rooms)?.room === room && !inner.startsWith('dist/');
    return isOwn ? inner.split('/', 1)[0] : undefined;
  });

const isRoom = (name: string): boolean => rooms.some(({ room }) => room === name);
const holdsRooms = (name: string): boolean => name === '.' || rooms.some(({ room }) => room.startsWith(`${name}/`));

if (!words.includes('--check')) {
  console.log(`${'folder'.padEnd(30)} parts arrows floors in circle`);
  for (const folder of wanted) {
    const name = folder === '.' ? 'all rooms' : `rooms of ${folder}`;
    const graphs: [string, Graph][] = [
      ...(holdsRooms(folder) ? [[name, between(folder)] as [string, Graph]] : []),
      ...(isRoom(folder) ? [[folder, within(folder)] as [string, Graph]] : []),
    ];
    for (const [title, graph] of graphs) console.log([summary(title, graph), ...arrowsOf(graph)].join('\n'));
  }
  if (wanted.length === 0) {
    console.log(summary('all rooms', between('.')));
    for (const { room } of rooms) console.log(summary(room, within(room)));
  }
}

const comments = new Map(result.summary.ruleSetUsed?.forbidden?.map(({ name, comment }) => [name, comment ?? '']));
const problems = [
  ...wanted
    .filter((name) => !isRoom(name) && !holdsRooms(name))
    .map((name) => `${name} is no room and holds none; npm run graph lists them`),
  ...result.summary.violations.map(
    ({ from, to, rule }) => `${from} → ${to}: ${rule.name}. ${comments.get(rule.name) ?? ''}`,
  ),
  ...roomProblems(between('.'), rooms),
  ...rooms.flatMap(({ room }) => {
    const parts = circles(within(room));
    return parts.length === 0 ? [] : [`${room}: ${parts.join(', ')} import each other in a circle`];
  }),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exitCode = 1;
