/**
 * Releases the resources of this machine that a real cluster occupies (host-resources.ts):
 *
 *   node release-host-resources.ts begin OWNER FOLDER BRIDGE CGROUP    remove all leftovers, then the site belongs to OWNER
 *   node release-host-resources.ts end OWNER FOLDER BRIDGE CGROUP      remove what is OWNER's; nothing if it has another owner
 *
 * `end` runs when an owner stops, and again by its keeper when the owner was killed; the latter may happen after the next
 * owner has begun, and must not touch the resources of that one. It imports nothing of the project: it is a program, also
 * run from its source by the tests.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const [verb = '', owner = '', folder = '', bridge = '', cgroup = ''] = process.argv.slice(2);
if (cgroup === '') throw new Error('usage: sweep begin|end OWNER FOLDER BRIDGE CGROUP');
const ownerFile = join(folder, 'owner');
/** Mount points outside of FOLDER that were created, one per line. */
const madeFile = join(folder, 'made');
const hierarchies = '/sys/fs/cgroup';
/** The kernel takes a namespace and its links away in its own time, on a busy machine more than ten seconds. */
const patienceMs = 60_000;

async function until(what: string, holds: () => boolean): Promise<void> {
  const end = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`${what}: not within ${patienceMs / 1_000} s`);
    await sleep(20);
  }
}

/** One sweep at a time on a machine: a name of an abstract socket, freed by the kernel with its owner. */
async function alone(): Promise<void> {
  for (;;) {
    const server = createServer();
    const taken = await new Promise<boolean>((resolve) => {
      server.on('error', () => resolve(false)).listen(`\0distillery-sweep-${folder}`, () => resolve(true));
    });
    if (taken) return void server.unref();
    await sleep(20);
  }
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

/** The first process of each node; the kernel ends every other process of a node with it. */
function nodeProcesses(): number[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.filter((pid) => textOf(`/proc/${pid}/cmdline`).includes(`\0${folder}/`)).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // Gone already, which is what was wanted.
  }
}

function cgroups(): string[] {
  const found: string[] = [];
  const below = (path: string): void => {
    try {
      for (const entry of readdirSync(path, { withFileTypes: true }))
        if (entry.isDirectory()) below(join(path, entry.name));
      found.push(path);
    } catch {
      // Does not exist in this hierarchy, or no longer.
    }
  };
  for (const hierarchy of readdirSync(hierarchies)) below(join(hierarchies, hierarchy, cgroup));
  // Children before their parents.
  return found;
}

/** Removes the bridge and its ports: the other ends go with their namespaces, but with a delay. */
function links(): string[] {
  const interfaces = '/sys/class/net';
  return readdirSync(interfaces).filter((name) => {
    const master = join(interfaces, name, 'master');
    return name === bridge || (existsSync(master) && basename(realpathSync(master)) === bridge);
  });
}

function removeEmpty(path: string): void {
  try {
    rmdirSync(path);
  } catch {
    // Busy for a moment after its last process, or in use by others.
  }
}

async function sweep(): Promise<void> {
  await until('ending the nodes', () => {
    const pids = nodeProcesses();
    pids.forEach(kill);
    return pids.length === 0;
  });
  await until('removing cgroups', () => {
    cgroups().forEach(removeEmpty);
    return cgroups().length === 0;
  });
  await until('removing links', () => {
    const names = links();
    for (const name of names) spawnSync('ip', ['link', 'delete', name], { timeout: 5_000 });
    return names.length === 0;
  });
  textOf(madeFile)
    .split('\n')
    .filter((path) => path !== '')
    .reverse()
    .forEach(removeEmpty);
  if (readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${folder}/`)) {
    throw new Error(`${folder}: found a mount below it, expected none; unmount it`);
  }
  // Remove the owner's name last, so that an interrupted sweep can be repeated.
  const remove = { recursive: true, force: true, maxRetries: 5, retryDelay: 50 };
  for (const path of entriesOf(folder)) if (path !== ownerFile) rmSync(path, remove);
  rmSync(folder, remove);
}

function entriesOf(path: string): string[] {
  return existsSync(path) ? readdirSync(path).map((name) => join(path, name)) : [];
}

/** The folder is a site only if it contains the name of an owner, which is written first. */
function refuseForeign(): void {
  if (entriesOf(folder).length === 0 || existsSync(ownerFile)) return;
  throw new Error(`${folder}: found files of somebody else, expected a site's; move them elsewhere`);
}

await alone();
if (verb === 'begin') {
  refuseForeign();
  await sweep();
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  writeFileSync(ownerFile, owner);
} else if (textOf(ownerFile) === owner) {
  await sweep();
}
