/** The door of src/stream/homes. In which account the streams of a job lie. */
export { AccountStreams } from './account-streams.js';
export { type AccountStorage, type JobRef, SharedAccount, type StreamHome } from './homes.js';
export { NamespaceAccounts, type NamespaceAccountsOptions } from './namespace-accounts.js';
export { NatsStreams } from './nats-streams.js';
