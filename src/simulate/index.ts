/** The simulator's door: a trace and a policy in, what came of it out. */
export { type CsvFile, readLoggedCluster } from './alibaba.js';
export { TraceError } from './csv.js';
export { generateTrace, jobsOf } from './generate.js';
export { type Outcome, type Row, rowOf } from './measures.js';
export { type Parameters, parametersSchema } from './parameters.js';
export { distilleryPolicy } from './policies/distillery.js';
export { fixedPolicy } from './policies/fixed.js';
export { hpaPolicy } from './policies/hpa.js';
export { kedaPolicy } from './policies/keda.js';
export type { Policy } from './policies/policy.js';
export { type Simulation, simulation } from './simulation.js';
export type { Trace } from './trace.js';
