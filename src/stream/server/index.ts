/** The door of the nats-server room: find or get a server, start it, keep it alive. */
export { newPassword } from './config.js';
export type { NatsUser } from './config.js';
export { findNatsServer } from './find.js';
export type { FindOptions, FoundNatsServer } from './find.js';
export { checkGreeting } from './probe.js';
export { startNatsServer } from './start.js';
export type { NatsServer, ServerExit, StartOptions } from './start.js';
export { superviseNatsServer } from './supervise.js';
export type { ServerEvent, SupervisedServer } from './supervise.js';
