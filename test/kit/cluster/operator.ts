/** The operator as a process on this machine, against a cluster of the kit: the same program as in a pod of the chart. */
import { mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import type { ControlPlane } from './control-plane.js';
import { repositoryRoot } from './paths.js';
import type { KeptProcess } from './processes.js';
import { until } from '../until.js';
import { program } from '../programs.js';

/** The part of a nats-server that the operator needs. */
export interface OperatorNats {
  readonly url: string;
  /** Address for pods; absent = the same as `url`. */
  readonly workerUrl?: string;
  readonly mode: 'accounts' | 'signed';
  readonly accounts: { readonly systemCreds: string; readonly operatorSigningSeed: string };
  readonly accountSigningSeed: string;
  readonly operatorCreds: string;
}

export interface OperatorOptions {
  readonly nats: OperatorNats;
  /** Kubeconfig; absent = cluster-admin. */
  readonly kubeconfig?: string;
  readonly image?: string;
  readonly namespace?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** A program that runs the operator's command, such as strace; absent = none. */
  readonly under?: { readonly command: string; readonly args: readonly string[] };
  /** True = do not wait until it leads; absent = false. */
  readonly standby?: boolean;
  /** True = restart it when it ends by itself with an error, as a kubelet would; absent = true. */
  readonly supervised?: boolean;
}

export interface LogLine {
  readonly msg: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

export interface RunningOperator {
  /** The running process, or the last one. */
  readonly process: KeptProcess;
  readonly port: number;
  log(): Promise<LogLine[]>;
  /** The response of /metrics, /readyz or /livez. */
  ask(path: string): Promise<{ readonly status: number; readonly text: string }>;
}

let started = 0;

export async function startOperator(cluster: ControlPlane, options: OperatorOptions): Promise<RunningOperator> {
  const { nats, kubeconfig = cluster.kubeconfig, image = 'distillery-worker:test', standby = false } = options;
  const folder = await mkdtemp(join(cluster.folder, 'operator-'));
  const write = async (name: string, text: string): Promise<string> => {
    await writeFile(join(folder, name), text, { mode: 0o600 });
    return join(folder, name);
  };
  const name = `operator-${String(++started)}`;
  const own = ['--disable-warning=ExperimentalWarning', program('src/operator/main')];
  const { under } = options;
  const spec = {
    name,
    command: under?.command ?? process.execPath,
    args: under === undefined ? own : [...under.args, process.execPath, ...own],
    env: {
      PATH: process.env.PATH ?? '',
      // A suite starts it up to fifty times: its modules are compiled once.
      NODE_COMPILE_CACHE: join(repositoryRoot, '.cache/compiled'),
      DISTILLERY_KUBECONFIG: kubeconfig,
      DISTILLERY_NATS_URL: nats.url,
      DISTILLERY_WORKER_NATS_URL: nats.workerUrl ?? nats.url,
      ...(nats.mode === 'accounts'
        ? {
            DISTILLERY_NATS_SYSTEM_CREDS_FILE: await write('system.creds', nats.accounts.systemCreds),
            DISTILLERY_NATS_OPERATOR_SIGNING_KEY_FILE: await write('operator.seed', nats.accounts.operatorSigningSeed),
          }
        : {
            DISTILLERY_NATS_CREDS_FILE: await write('operator.creds', nats.operatorCreds),
            DISTILLERY_NATS_SIGNING_KEY_FILE: await write('signing.seed', nats.accountSigningSeed),
          }),
      DISTILLERY_WORKER_IMAGE: image,
      DISTILLERY_WORKER_IMAGE_PULL_POLICY: 'Never',
      DISTILLERY_METRICS_PORT: '0',
      DISTILLERY_NAMESPACE: options.namespace ?? 'default',
      DISTILLERY_POD_NAME: name,
      // Short, so that tests wait little; long enough for a busy machine.
      DISTILLERY_LEASE_SECONDS: '8',
      ...options.environment,
    },
  };
  let current = await cluster.processes.start(spec);
  const supervise = (): void => {
    void current.exited.then(async ({ code }) => {
      if (code !== 1) return;
      current = await cluster.processes.start(spec);
      supervise();
    });
  };
  if (options.supervised !== false) supervise();
  const log = async (): Promise<LogLine[]> =>
    (await readFile(current.logFile, 'utf8'))
      .split('\n')
      .flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as LogLine] : []));
  const wanted = standby ? 'operator started' : 'leading';
  await until(
    `${name} to say: ${wanted}`,
    async () => {
      // A restart does not fix a wrong setting.
      if (!current.running && options.supervised === false)
        throw new Error(`${name} ended: ${await current.lastWords()}`);
      return (await log()).some(({ msg }) => msg === wanted);
    },
    () => current.lastWords(),
  );
  const portNow = async (): Promise<number> =>
    Number((await log()).findLast(({ msg }) => msg === 'operator started')?.port);
  const port = await portNow();
  return {
    get process() {
      return current;
    },
    port,
    log,
    ask: async (path) => {
      const answer = await fetch(`http://127.0.0.1:${String(await portNow())}${path}`);
      return { status: answer.status, text: await answer.text() };
    },
  };
}
