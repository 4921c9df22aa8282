/** A process that owns a local cluster and waits to be killed. Parameters: FOLDER. Prints the pids of its workers. */
import { setTimeout as sleep } from 'node:timers/promises';

import { systemClock } from '@distillery/platform';

import { LocalCluster } from '../../../src/cluster/local/index.js';
import { plainJob } from '../../kit/snapshots.js';

const [folder = ''] = process.argv.slice(2);
const scripts = { teacher: `${folder}/teacher.mjs`, student: `${folder}/student.mjs` };
const cluster = new LocalCluster({ folder, slots: 2, scripts, environment: {}, clock: systemClock });
await cluster.apply(
  { namespace: 'default', name: 'mnist', uid: 'u-1' },
  plainJob(),
  { pools: [{ name: 'cpu', replicas: 2, leave: [] }], student: 'Run' },
  () => Promise.resolve({ kind: 'password', url: 'nats://127.0.0.1:4222', user: 'none', password: 'none' }),
);
process.stdout.write(`${JSON.stringify(cluster.processes())}\n`);
await sleep(60_000);
