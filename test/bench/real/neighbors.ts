/** Other people's pods, on a real cluster: they come at their time, need accelerators, and end when their work is done. */
import type { TraceNeighbor } from '../../../src/simulate/index.js';
import type { Api } from '../../kit/cluster/api.js';

import { neighborLabel } from './pods.js';
import { resource } from './teachers.js';

const podsPath = '/api/v1/namespaces/default/pods';

export async function createNeighbor(api: Api, index: number, { name, slots }: TraceNeighbor): Promise<void> {
  await api.post(podsPath, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, labels: { [neighborLabel]: String(index) } },
    spec: {
      terminationGracePeriodSeconds: 0,
      containers: [{ name: 'work', image: 'work', resources: { limits: { [resource]: String(slots) } } }],
    },
  });
}

/** Its slots are free at once: it has ended by itself. */
export async function endNeighbor(api: Api, { name }: TraceNeighbor): Promise<void> {
  await api.delete(`${podsPath}/${name}`);
}
