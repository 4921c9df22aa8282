/** The door of telemetry: logs now, metrics and health with the operator. */
export { fileLog, type Log } from './log.js';
