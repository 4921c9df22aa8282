/** The door of the stream room: NATS as the operator sees it (design §6). */
export { AccountStreams } from './account-streams.js';
export { connectStreams, openStreams, StreamAdmin } from './admin.js';
export { type AccountLimits, accountUserCreds, Keyring, type KeyringOptions } from './accounts.js';
export { accountOfCreds, credsIssuer, passwordIssuer } from './credentials.js';
export type { AccessIssuer, CredsIssuerOptions, JobIdentity } from './credentials.js';
export { StreamError } from './errors.js';
export type { StreamErrorReason } from './errors.js';
export {
  type JobRef,
  NamespaceAccounts,
  type NamespaceAccountsOptions,
  SharedAccount,
  type StreamHome,
} from './homes.js';
export type { ConnectionEvent, LinkOptions, StreamHealth } from './link.js';
export type { StoredObject } from './objects.js';
export type { ObservedStreams, PresentJobStreams } from './observe.js';
export { operatorInboxPrefix, permissionsFor, permissionsForSystem, roles } from './permissions.js';
export type { Permissions, Role } from './permissions.js';
export { connectReader } from './reader.js';
export type { ObjectReader } from './reader.js';
export * from './server/index.js';
export { NatsStreams } from './nats-streams.js';
export { jobStreams } from './streams.js';
export type { ConsumerSpec, JobStreamOptions, JobStreams, StreamSpec } from './streams.js';
