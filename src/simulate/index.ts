/** The simulator's door: parameters or logs make a trace, a trace and policies make a comparison. */
export { type CsvFile, type LoggedCluster, readLoggedCluster } from './alibaba.js';
export { compare, type ComparisonProgress, type Goal, goalsAmong, tableRow } from './compare.js';
export { generateTrace, jobsOf } from './generate.js';
export type { Row } from './measures.js';
export { type Parameters, readParameters } from './parameters.js';
export { isPolicyName, policies, type PolicyName } from './policies/index.js';
export { TraceError } from './trace-error.js';
export type { Trace } from './trace.js';
