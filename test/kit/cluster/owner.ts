/** A process that owns a control plane with a node and then waits to be killed. Prints its folder and its pids. */
import { setTimeout as sleep } from 'node:timers/promises';

import { startControlPlane } from './control-plane.js';

const cluster = await startControlPlane();
await cluster.addNodes(1);
const { etcd, apiServer, controllerManager, scheduler, folder } = cluster;
const pids = [etcd, apiServer, controllerManager, scheduler].map(({ pid }) => pid);
process.stdout.write(`${JSON.stringify({ folder, pids })}\n`);
await sleep(600_000);
