/** The door of the cluster kit: real control planes and their use in tests. */
export type { AuditEvent } from './audit.js';
export { ControlPlane, type ControlPlaneOptions, startControlPlane } from './control-plane.js';
export { distillJobCrd, repositoryRoot } from './paths.js';
export type { Disruption, PodEnd } from './pods.js';
export { until } from '../until.js';
