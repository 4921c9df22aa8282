/**
 * The Go programs that a test cluster is made of, built once from the modules that test/cluster pins.
 *
 * Invariants:
 *  tools/T1 A binary in the folder is whole: it is built under another name and renamed.
 *  tools/T2 A group's stamp, written last, records the pins of its binaries; other pins cause a new build.
 *  tools/T3 If two processes need the tools at once, one builds and the other waits.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { access, mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';

import { codeOf } from '@distillery/base';

import { takeLock } from './lock.js';
import { comeSecond } from '../second.js';
import { cacheFolder, repositoryRoot } from './paths.js';

/** Go programs of one module; built together, since they share most of what is compiled. */
interface ToolGroup {
  readonly name: string;
  /** Folder of its go.mod. */
  readonly module: string;
  /** Package by the name that its binary gets; `./NAME` is a program of our own, which is one main.go. */
  readonly packages: Readonly<Record<string, string>>;
  /** Variables that the linker sets, by the module whose pinned version is their value. */
  readonly versions: Readonly<Record<string, (version: string) => Readonly<Record<string, string>>>>;
  /** Build tags; absent = none. */
  readonly tags?: readonly string[];
  /** Our own source files in the module's folder; absent = none. */
  readonly sources?: readonly string[];
}

const kubernetes = {
  name: 'kubernetes',
  module: join(repositoryRoot, 'test/cluster'),
  packages: {
    'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
    'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
    'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
    kubelet: 'k8s.io/kubernetes/cmd/kubelet',
    kubectl: 'k8s.io/kubernetes/cmd/kubectl',
    etcd: 'go.etcd.io/etcd/server/v3',
    'nats-server': 'github.com/nats-io/nats-server/v2',
  },
  versions: {
    // Clients compare these numbers, and CEL rules and feature gates depend on them.
    'k8s.io/kubernetes': (version: string) => {
      const [major = '', minor = ''] = version.slice(1).split('.');
      return {
        'k8s.io/component-base/version.gitVersion': version,
        'k8s.io/component-base/version.gitMajor': major,
        'k8s.io/component-base/version.gitMinor': minor,
      };
    },
  },
} satisfies ToolGroup;
const kwok = {
  name: 'kwok',
  module: join(repositoryRoot, 'test/cluster/kwok'),
  packages: { kwok: 'sigs.k8s.io/kwok/cmd/kwok' },
  versions: {},
} satisfies ToolGroup;
/** Also packages the chart for a release. */
export const helmTools = {
  name: 'helm',
  module: join(repositoryRoot, 'test/cluster/helm'),
  packages: { helm: 'helm.sh/helm/v4/cmd/helm' },
  versions: {},
} satisfies ToolGroup;

/** Scalers that are compared with ours. Not in `toolGroups`: only the benchmark builds them, and the last takes minutes. */
export const metricsServerTools = {
  name: 'metrics-server',
  module: join(repositoryRoot, 'test/cluster/metrics-server'),
  packages: { 'metrics-server': 'sigs.k8s.io/metrics-server/cmd/metrics-server' },
  versions: {},
} satisfies ToolGroup;
export const kedaTools = {
  name: 'keda',
  module: join(repositoryRoot, 'test/cluster/keda'),
  packages: {
    'keda-operator': 'github.com/kedacore/keda/v2/cmd/operator',
    'keda-adapter': 'github.com/kedacore/keda/v2/cmd/adapter',
  },
  versions: {},
} satisfies ToolGroup;

/** An S3 server over a folder. Not in `toolGroups`: the tests of remote places build it. */
export const s3Tools = {
  name: 'versitygw',
  module: join(repositoryRoot, 'test/cluster/versitygw'),
  packages: { versitygw: 'github.com/versity/versitygw/cmd/versitygw' },
  versions: {},
} satisfies ToolGroup;

/** Job queueing. Not in `toolGroups`: the tests of queues build it. */
export const kueueTools = {
  name: 'kueue',
  module: join(repositoryRoot, 'test/cluster/kueue'),
  packages: { kueue: 'sigs.k8s.io/kueue/cmd/kueue' },
  versions: {},
} satisfies ToolGroup;

/** What Flux, helm and Argo CD make of a status. Not in `toolGroups`: the tests of a status build them. */
export const judgeTools = {
  name: 'judges',
  module: join(repositoryRoot, 'test/cluster/judges'),
  packages: { kstatus: './kstatus', 'argo-lua': './argo-lua' },
  versions: {},
  sources: ['kstatus/main.go', 'argo-lua/main.go'],
} satisfies ToolGroup;

/** Prometheus and promtool. Not in `toolGroups`: the tests of metrics and alerts build them. */
export const prometheusTools = {
  name: 'prometheus',
  module: join(repositoryRoot, 'test/cluster/prometheus'),
  packages: {
    prometheus: 'github.com/prometheus/prometheus/cmd/prometheus',
    promtool: 'github.com/prometheus/prometheus/cmd/promtool',
  },
  versions: {},
  // Without the clients of twenty clouds: targets come from a file.
  tags: ['remove_all_sd', 'netgo'],
} satisfies ToolGroup;

/** Reads dashboards as strictly as Grafana's schema is written. Only the test of dashboards builds it. */
export const dashboardTools = {
  name: 'dashboards',
  module: join(repositoryRoot, 'test/cluster/dashboards'),
  packages: { 'dashboard-check': 'distillery.dev/test/cluster/dashboards' },
  versions: {},
  sources: ['main.go'],
} satisfies ToolGroup;

/** Reads PodMonitors and PrometheusRules as strictly as their types in Go. Only the test of the chart's monitoring builds it. */
export const monitorTools = {
  name: 'monitors',
  module: join(repositoryRoot, 'test/cluster/monitors'),
  packages: { 'monitor-check': 'distillery.dev/test/cluster/monitors' },
  versions: {},
  sources: ['main.go'],
} satisfies ToolGroup;

const toolGroups: readonly ToolGroup[] = [kubernetes, kwok, helmTools];
export type ClusterTool = keyof (typeof kubernetes.packages &
  typeof kwok.packages &
  typeof helmTools.packages &
  typeof metricsServerTools.packages &
  typeof kedaTools.packages &
  typeof s3Tools.packages &
  typeof kueueTools.packages &
  typeof judgeTools.packages &
  typeof prometheusTools.packages &
  typeof dashboardTools.packages &
  typeof monitorTools.packages);

/** Path of a tool after `buildTools`. */
export function toolPath(tool: ClusterTool): string {
  return join(cacheFolder, 'bin', tool);
}

export interface BuildOptions {
  readonly groups?: readonly ToolGroup[];
  /** Holds `bin/` and the stamps. */
  readonly folder?: string;
  /** The Go command. */
  readonly go?: string;
  readonly progress?: (line: string) => void;
}

const progressEveryMs = 30_000;

/**
 * Builds the tools from the current pins if necessary; takes minutes the first time, milliseconds afterwards.
 * @throws Error that names what is missing (`go`), or has the end of the build's output
 */
export async function buildTools(options: BuildOptions = {}): Promise<void> {
  const { groups = toolGroups, folder = cacheFolder, go = 'go', progress = toStderr } = options;
  const wanted = await Promise.all(groups.map(async (group) => ({ group, stamp: await stampOf(group) })));
  const stale = async (): Promise<typeof wanted> => {
    const current = await Promise.all(wanted.map(({ group, stamp }) => isBuilt(group, stamp, folder)));
    return wanted.filter((_, index) => current[index] !== true);
  };
  if ((await stale()).length === 0) return;
  await mkdir(join(folder, 'bin'), { recursive: true });
  const lock = createHash('sha256').update(folder).digest('hex').slice(0, 16);
  const letGo = await takeLock(`cluster-tools-${lock}`, () => {
    progress('cluster tools: another process builds them; waiting');
  });
  try {
    // Another process may have built them while this one waited.
    for (const { group, stamp } of await stale()) {
      await build(group, stamp, { folder, go, progress });
    }
  } finally {
    letGo();
  }
}

function toStderr(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Identifies everything that a group's binaries depend on and that we choose. */
async function stampOf(group: ToolGroup): Promise<string> {
  const files = await Promise.all(
    ['go.mod', 'go.sum', ...(group.sources ?? [])].map((name) => readFile(join(group.module, name))),
  );
  const hash = createHash('sha256');
  for (const file of files) hash.update(file);
  hash.update(JSON.stringify([group.packages, linkerFlags(group, files[0]?.toString() ?? '')]));
  if (group.tags !== undefined) hash.update(group.tags.join(','));
  hash.update(`${process.platform} ${process.arch}`);
  return hash.digest('hex');
}

function stampFile(group: ToolGroup, folder: string): string {
  return join(folder, 'bin', `.${group.name}.stamp`);
}

async function isBuilt(group: ToolGroup, stamp: string, folder: string): Promise<boolean> {
  const found = await readFile(stampFile(group, folder), 'utf8').catch(() => '');
  if (found.trim() !== stamp) return false;
  const binaries = Object.keys(group.packages).map((name) => access(join(folder, 'bin', name)));
  return (await Promise.allSettled(binaries)).every(({ status }) => status === 'fulfilled');
}

function linkerFlags(group: ToolGroup, goMod: string): string {
  const flags = ['-s', '-w'];
  for (const [module, variables] of Object.entries(group.versions)) {
    const version = goMod
      .split('\n')
      .map((line) => line.trim().split(' '))
      .find(([path]) => path === module)?.[1];
    if (version === undefined) throw new Error(`${group.module}/go.mod: found no version of ${module}, expected a pin`);
    for (const [name, value] of Object.entries(variables(version))) flags.push('-X', `${name}=${value}`);
  }
  return flags.join(' ');
}

async function build(
  group: ToolGroup,
  stamp: string,
  { folder, go, progress }: Required<Omit<BuildOptions, 'groups'>>,
): Promise<void> {
  const { name, module, packages, tags = [] } = group;
  progress(`cluster tools: building ${Object.keys(packages).join(', ')} (with nothing cached this takes minutes)`);
  const began = performance.now();
  const flags = linkerFlags(group, await readFile(join(module, 'go.mod'), 'utf8'));
  const fresh = await mkdtemp(join(folder, `.building-${name}-`));
  try {
    const args = ['build', '-v', '-mod=readonly', '-trimpath', '-buildvcs=false', '-ldflags', flags];
    if (tags.length > 0) args.push('-tags', tags.join(','));
    await runGo(go, [...args, '-o', `${fresh}/`, ...Object.values(packages)], module, (compiled) => {
      progress(`cluster tools: ${name}: ${compiled} packages compiled so far`);
    });
    for (const [binary, path] of Object.entries(packages)) {
      await rename(join(fresh, builtName(path)), join(folder, 'bin', binary));
    }
    await writeFile(stampFile(group, folder), `${stamp}\n`);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  progress(`cluster tools: ${name} built in ${Math.round((performance.now() - began) / 1_000)} s`);
}

/** `go build` names a binary after the last part of its package's path that is not a major version. */
function builtName(path: string): string {
  return basename(path.replace(/\/v\d+$/, ''));
}

async function runGo(
  go: string,
  args: readonly string[],
  cwd: string,
  onProgress: (compiledPackages: number) => void,
): Promise<void> {
  const child = spawn(go, args, {
    cwd,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  const output: string[] = [];
  createInterface({ input: child.stderr }).on('line', (line) => output.push(line));
  const ticker = setInterval(() => onProgress(output.length), progressEveryMs);
  try {
    const code = await new Promise<number | NodeJS.Signals | null>((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (status, signal) => resolve(status ?? signal));
      if (child.pid !== undefined) comeSecond(child.pid);
    });
    if (code !== 0) {
      const words = output.slice(-10).join('\n');
      throw new Error(`${go} build in ${cwd} ended with ${String(code)}:\n${words}`);
    }
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    throw new Error(
      `${go}: found no such command, expected Go 1.26 or newer on PATH; install it to build the cluster tools`,
      {
        cause: error,
      },
    );
  } finally {
    clearInterval(ticker);
  }
}
