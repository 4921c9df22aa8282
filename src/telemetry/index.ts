/** The door of telemetry: logs, metrics and health. Logs alone are at log.ts. */
export { type Check, type HealthPages, HealthPortError, type HealthServer, openHealth } from './health.js';
export { JobMeasures } from './job-measures.js';
export type { JobFigures, WorkerFigures } from './job-samples.js';
export { fileLog, type Log, type OutputLog, outputLog } from './log.js';
export { createMetrics, metricDescriptions, type Metrics } from './metrics.js';
