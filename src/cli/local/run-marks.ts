import type { Mark } from '@distillery/platform';

/** Marks the folder of a run. */
export const runMark: Mark = { kind: 'run' };
/** Marks the folder of the run's own NATS server, which is removed when the run is complete. */
export const natsMark: Mark = { kind: 'nats' };
