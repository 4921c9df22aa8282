/** The door of the simulator: makes a trace from parameters or logs, and a comparison from a trace and policies. */
export { type CsvFile, type LeftOut, readLoggedCluster } from './alibaba.js';
export { compare, type ComparisonProgress, goalsAmong, tableRow } from './compare.js';
export { generateTrace, jobsOf } from './generate.js';
export { advance, type Job, secondsToTurn, startedJob, type Teacher } from './job.js';
export { meter, type Outcome, type Row, rowOf } from './measures.js';
export { type Parameters, readParameters } from './parameters.js';
export {
  hpaPeriodSeconds,
  isPolicyName,
  leastReplicas,
  policies,
  type PolicyName,
  usualDistillery,
  usualHpa,
  usualKeda,
  usualTeachers,
} from './policies/index.js';
export { simulation } from './simulation.js';
export { TraceError } from './trace-error.js';
export type { Trace, TraceJob, TraceNeighbor } from './trace.js';
