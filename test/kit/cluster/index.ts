/** The door of the cluster kit: real control planes, and what a test does with them. */
export type { AuditEvent } from './audit.js';
export { ControlPlane, type ControlPlaneOptions, type PodEnd, startControlPlane } from './control-plane.js';
export { repositoryRoot } from './paths.js';
export { until } from './until.js';
