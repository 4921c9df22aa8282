/** Other people's pods, on a real cluster: they come at their time, need accelerators, and end when their work is done. */
import type { TraceNeighbour } from '../../../src/simulate/index.js';
import type { Api } from '../../kit/cluster/api.js';

import { neighbourLabel } from './pods.js';
import { resource } from './teachers.js';

const podsPath = '/api/v1/namespaces/default/pods';

export async function createNeighbour(api: Api, index: number, { name, slots }: TraceNeighbour): Promise<void> {
  await api.post(podsPath, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { [neighbourLabel]: String(index) } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'work', image: 'work', resources: { limits: { [resource]: String(slots) } } }],
    },
  });
}

/** Its slots are free at once: it has ended by itself. */
export async function endNeighbour(api: Api, { name }: TraceNeighbour): Promise<void> {
  await api.delete(`${podsPath}/${name}`);
}
