/** The door of the stream room: NATS as the operator sees it (DESIGN §6). */
export { connectStreams, openStreams, StreamAdmin } from './admin.js';
export { accountOfCreds, credsIssuer, passwordIssuer } from './credentials.js';
export type { AccessIssuer, CredsIssuerOptions, JobIdentity } from './credentials.js';
export { StreamError } from './errors.js';
export type { StreamErrorKind } from './errors.js';
export type { ConnectionEvent, LinkOptions, StreamHealth } from './link.js';
export type { StoredObject } from './objects.js';
export type { PresentStreams, StreamObservation } from './observation.js';
export { operatorInboxPrefix, permissionsFor, roles } from './permissions.js';
export type { Permissions, Role } from './permissions.js';
export { connectReader } from './reader.js';
export type { ObjectReader } from './reader.js';
export * from './server/index.js';
export { type AccessOf, JobStreamsPort } from './job-streams.js';
export { jobStreams } from './streams.js';
export type { ConsumerSpec, JobStreamOptions, JobStreams, StreamSpec } from './streams.js';
