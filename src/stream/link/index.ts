/** The door of src/stream/link. The connection to NATS. */
export { dialWithin } from './connect.js';
export { type ConnectionEvent, type LinkOptions, OperatorLink, type StreamHealth } from './link.js';
