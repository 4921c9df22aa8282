/**
 * What a real cluster occupies of this machine besides its processes. There is one of each, so one real cluster runs at
 * a time on a machine, whichever checkout starts it; another one waits.
 *
 *   /var/tmp/distillery-real    everything on disk
 *   klbr0, 10.88.0.1/24         the bridge between the nodes and this machine, where the API server listens
 *   distillery-real             a folder in each cgroup hierarchy
 *
 * release-host-resources.ts gives it all back, also what a killed owner left.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { run } from './command.js';
import { takeLock } from '../lock.js';

/** Not below a temporary folder that may be in memory: images are unpacked here. */
export const siteFolder = '/var/tmp/distillery-real';
export const bridge = 'klbr0';
/** This machine on the bridge: what pods reach. */
export const hostAddress = '10.88.0.1';
export const subnet = '10.88.0.0/24';
/** Folders that programs of a node use whatever their settings say; each node has its own, in memory. */
export const maskedFolders = ['/run', '/var/lib/cni', '/var/lib/kubelet', '/var/log/containers'];
const cgroup = 'distillery-real';
const hierarchies = '/sys/fs/cgroup';

export interface Site {
  /** The clean-up after this process was killed; does nothing once another process has the site. */
  readonly sweepCommand: readonly [string, ...string[]];
  /** Gives everything back and lets the next one begin. */
  leave(): Promise<void>;
}

/** Waits for its turn, takes away what an earlier one left, and raises the bridge. */
export async function occupySite(): Promise<Site> {
  const release = await takeLock('real-cluster', () => {
    process.stderr.write('real pods: another real cluster runs on this machine; waiting\n');
  });
  const owner = randomUUID();
  const sweep = (verb: 'begin' | 'end'): readonly [string, ...string[]] => {
    const program = fileURLToPath(new URL(`./release-host-resources${extname(import.meta.url)}`, import.meta.url));
    return [process.execPath, program, verb, owner, siteFolder, bridge, cgroup];
  };
  const leave = async (): Promise<void> => {
    const [command, ...args] = sweep('end');
    await run(command, args);
    release();
  };
  try {
    const [command, ...args] = sweep('begin');
    await run(command, args);
    await makeMountPoints();
    await run('ip', ['link', 'add', bridge, 'type', 'bridge']);
    await run('ip', ['address', 'add', `${hostAddress}/24`, 'dev', bridge]);
    await run('ip', ['link', 'set', bridge, 'up']);
  } catch (error) {
    await leave().catch(() => undefined);
    throw error;
  }
  return { sweepCommand: sweep('end'), leave };
}

/** A mount needs something to be on; what was made for that is written down for the sweep. */
async function makeMountPoints(): Promise<void> {
  const made: string[] = [];
  for (const folder of maskedFolders) {
    const first = await mkdir(folder, { recursive: true });
    if (first !== undefined) made.push(folder);
  }
  await writeFile(join(siteFolder, 'made'), made.join('\n'));
}

/** Makes a cgroup in every hierarchy. @returns its path within each, as kubelet's `cgroupRoot` wants it */
export async function makeCgroup(name: string): Promise<string> {
  for (const hierarchy of await readdir(hierarchies)) {
    await mkdir(join(hierarchies, hierarchy, cgroup, name), { recursive: true });
  }
  return `/${cgroup}/${name}`;
}

/** Takes it away again, with those below it. No process may be left in them. */
export async function removeCgroup(name: string): Promise<void> {
  const paths = (await readdir(hierarchies)).map((hierarchy) => join(hierarchies, hierarchy, cgroup, name));
  await run('find', [...paths, '-depth', '-type', 'd', '-exec', 'rmdir', '{}', '+']);
}

/**
 * What of a real cluster is on this machine now, each thing by a number that the next cluster's has not: a test that sees
 * its own go must not take those of another, which may have been waiting for its turn, for its own.
 */
export async function siteRemains(): Promise<string[]> {
  const [interfaces, mounts, processes, names, owner] = await Promise.all([
    readdir('/sys/class/net'),
    readFile('/proc/self/mountinfo', 'utf8'),
    processesOf(siteFolder),
    readdir(hierarchies),
    readFile(join(siteFolder, 'owner'), 'utf8').catch(() => null),
  ]);
  const links = interfaces.filter((name) => name === bridge || name.startsWith('kl-'));
  const numbers = await Promise.all(
    links.map((name) => readFile(`/sys/class/net/${name}/ifindex`, 'utf8').catch(() => '')),
  );
  const cgroups = await Promise.all(names.map((name) => stat(join(hierarchies, name, cgroup)).catch(() => null)));
  return [
    ...links.map((name, index) => `link ${name} ${numbers[index]?.trim() ?? ''}`),
    ...mounts.split('\n').filter((line) => line.includes(siteFolder) || line.includes('/netns/cni-')),
    ...processes,
    ...names.flatMap((name, index) => {
      const inode = cgroups[index]?.ino;
      return inode === undefined ? [] : [`cgroup ${name}/${cgroup} ${inode}`];
    }),
    ...(owner === null ? [] : [`folder of ${owner}`]),
  ];
}

/** Also shims and what runs in containers: their state, or their root, lies in the site's folder. */
async function processesOf(folder: string): Promise<string[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  const lines = await Promise.all(
    pids.map(async (pid) => {
      const [command = '', mounts = ''] = await Promise.all(
        ['cmdline', 'mountinfo'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8').catch(() => '')),
      );
      return command.includes(folder) || mounts.includes(folder)
        ? `process ${pid} ${command.replaceAll('\0', ' ')}`
        : '';
    }),
  );
  return lines.filter((line) => line !== '');
}
