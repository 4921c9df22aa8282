/** Storage of a real cluster: folders of this machine as PersistentVolumes. */
import { chmod, chown } from 'node:fs/promises';

import type { Api } from '../api.js';
import { until } from '../../until.js';

export interface VolumeOptions {
  /** True = pods may write: the images' user owns the folder. Otherwise all users may read it. */
  readonly writable?: boolean;
}

/** Images run as this user and group. */
const imageUser = 10_001;
const asksPerNudge = 8;

/**
 * A PersistentVolumeClaim that is bound to a folder; changes of the folder are visible to pods at once, and vice versa.
 * Both objects and the volume end with the cluster; the folder stays.
 */
export async function claimFolder(
  api: Api,
  namespace: string,
  name: string,
  folder: string,
  { writable = false }: VolumeOptions = {},
): Promise<void> {
  if (writable) await chown(folder, imageUser, imageUser);
  else await chmod(folder, 0o755);
  const volume = `${namespace}-${name}`;
  const size = { storage: '1Gi' };
  const shared = { accessModes: ['ReadWriteMany'], storageClassName: '', volumeMode: 'Filesystem' };
  const claims = `/api/v1/namespaces/${namespace}/persistentvolumeclaims`;
  await api.post('/api/v1/persistentvolumes', {
    apiVersion: 'v1',
    kind: 'PersistentVolume',
    metadata: { name: volume },
    spec: {
      ...shared,
      capacity: size,
      persistentVolumeReclaimPolicy: 'Retain',
      claimRef: { namespace, name },
      hostPath: { path: folder, type: 'Directory' },
    },
  });
  await api.post(claims, {
    apiVersion: 'v1',
    kind: 'PersistentVolumeClaim',
    metadata: { name },
    spec: { ...shared, resources: { requests: size }, volumeName: volume },
  });
  let asked = 0;
  await until(`claim ${namespace}/${name} to be bound`, async () => {
    const { status } = await api.get<Bindable>(`${claims}/${name}`);
    if (status?.phase === 'Bound') return true;
    // A controller that saw one object before the other, or lost a conflict, retries after 15 s or at a change: cause one.
    if (++asked % asksPerNudge === 0) {
      await api.patch(`${claims}/${name}`, { metadata: { annotations: { 'distillery.test/asked': String(asked) } } });
    }
    return false;
  });
}

interface Bindable {
  readonly status?: { readonly phase?: string };
}
