/** What the workers' telemetry of a snapshot is worth. Pure. */
import { type TeacherState, telemetryStaleMs } from '../../protocol/index.js';

import type { Snapshot } from './snapshot.js';

/**
 * The teachers of a pool that label now: alive, and lately heard to be ready. A name may come back with a new process,
 * which is not what its predecessor said.
 */
export function readyTeachers({ cluster, streams, nowMs }: Snapshot): (pool: string) => TeacherState[] {
  const told = streams.state === 'Present' ? streams.teachers : [];
  const ready = told.filter((state) => state.phase === 'Ready' && nowMs - state.updatedAtMs <= telemetryStaleMs);
  return (name) => {
    const pods = cluster.pools.find((pool) => pool.name === name)?.pods ?? [];
    return ready.filter(({ pod }) => pods.some((alive) => alive.name === pod));
  };
}
