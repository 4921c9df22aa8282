/** A process that owns a real cluster and then waits to be killed. Runs a pod that never ends; prints its name. */
import { setTimeout as sleep } from 'node:timers/promises';

import { until } from '../../until.js';

import { restrictedPod } from './pods.js';
import { startRealCluster } from './real-cluster.js';

const cluster = await startRealCluster();
await cluster.apply(restrictedPod('endless', cluster.images.worker, { code: 'setInterval(() => undefined, 1000)' }));
await until('the pod to run', async () => {
  const { status } = await cluster.api.get<{ status: { phase?: string } }>('/api/v1/namespaces/default/pods/endless');
  return status.phase === 'Running';
});
process.stdout.write('endless\n');
await sleep(600_000);
