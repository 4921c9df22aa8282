/**
 * Finds out if this machine can run real pods, and which Debian packages that takes. Missing packages are installed once if
 * this process may do so; if not, the reason is a sentence for the report of the skipped suite.
 */
import { constants } from 'node:fs';
import { access, readFile, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';

import { run } from './command.js';
import { siteFolder } from './host-resources.js';

export type Availability = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** A file of each package; the package is installed if the file exists. */
const packages: Readonly<Record<string, string>> = {
  buildah: '/usr/bin/buildah',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  containerd: '/usr/bin/containerd',
  iptables: '/usr/sbin/iptables',
  iproute2: '/usr/bin/ip',
  mmdebstrap: '/usr/bin/mmdebstrap',
  runc: '/usr/sbin/runc',
};
/** Capabilities for mounts, network namespaces and cgroups; root in a container may lack them. */
const capabilities = { CAP_NET_ADMIN: 12, CAP_SYS_ADMIN: 21 };
/** The type that statfs reports for an overlay (OVERLAYFS_SUPER_MAGIC). */
const overlayFilesystem = 0x794c_7630;
const installLimitMs = 900_000;

let answer: Promise<Availability> | undefined;

/** Cached for this process; the first call may install packages (10 s). */
export function realPodsAvailable(): Promise<Availability> {
  answer ??= findAvailability().catch((error: unknown) => ({
    ok: false,
    why: error instanceof Error ? error.message : String(error),
  }));
  return answer;
}

async function findAvailability(): Promise<Availability> {
  if (process.platform !== 'linux') return { ok: false, why: `real pods: found ${process.platform}, expected Linux` };
  if (process.getuid?.() !== 0) return { ok: false, why: 'real pods: found an ordinary user, expected root' };
  const lacking = await lackingCapabilities();
  if (lacking.length > 0) return { ok: false, why: `real pods: found root without ${lacking.join(' and ')}` };
  if (!(await exists('/sys/fs/cgroup/memory/cgroup.procs'))) {
    return {
      ok: false,
      why: 'real pods: found no cgroup hierarchies of version 1, expected those that this kit knows',
    };
  }
  if ((await statfs(dirname(siteFolder))).type === overlayFilesystem) {
    return {
      ok: false,
      why: `real pods: found ${dirname(siteFolder)} on an overlay, expected a disk: overlays do not stack`,
    };
  }
  const missing = await missingPackages();
  if (missing.length === 0) return { ok: true };
  if (!(await exists('/usr/bin/apt-get'))) {
    return { ok: false, why: `real pods: found no ${missing.join(', ')}, and no apt-get to install them with` };
  }
  await install(missing);
  const still = await missingPackages();
  if (still.length > 0)
    return { ok: false, why: `real pods: installed ${still.join(', ')}, but its files are not there` };
  return { ok: true };
}

async function lackingCapabilities(): Promise<string[]> {
  const status = await readFile('/proc/self/status', 'utf8');
  const effective = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return Object.entries(capabilities).flatMap(([name, bit]) => ((effective >> BigInt(bit)) & 1n ? [] : [name]));
}

async function missingPackages(): Promise<string[]> {
  const found = await Promise.all(Object.values(packages).map(exists));
  return Object.keys(packages).filter((_, index) => found[index] !== true);
}

/** Installs Debian packages. @throws Error with the end of apt-get's output */
export async function install(names: readonly string[]): Promise<void> {
  process.stderr.write(`Debian packages: installing ${names.join(', ')}\n`);
  // Another process may be running apt-get: wait for its lock instead of failing.
  const apt = ['-qq', '-o', 'DPkg::Lock::Timeout=120'];
  const options = { env: { DEBIAN_FRONTEND: 'noninteractive' }, limitMs: installLimitMs };
  await run('apt-get', [...apt, 'update'], options);
  await run('apt-get', [...apt, 'install', '-y', '--no-install-recommends', ...names], options);
}

async function exists(file: string): Promise<boolean> {
  return access(file, constants.F_OK).then(
    () => true,
    () => false,
  );
}
