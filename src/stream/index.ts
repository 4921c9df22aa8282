/** The door of the stream room: NATS as the operator sees it (design §6). */
export { StreamError, type StreamErrorReason } from './errors/index.js';
export {
  type AccessIssuer,
  accountOfCreds,
  credsEndSeconds,
  credsIssuer,
  type CredsIssuerOptions,
  type CredsLifetime,
  type JobIdentity,
  operatorInboxPrefix,
  passwordIssuer,
  type Permissions,
  permissionsFor,
  permissionsForSystem,
  type Role,
  roles,
  serverKeys,
  type ServerKeys,
} from './access/index.js';
export * from './server/index.js';
export {
  certificatesOf,
  type ConnectionEvent,
  type LinkOptions,
  type StreamHealth,
  type TlsFiles,
} from './link/index.js';
export {
  type AccountLimits,
  accountUserCreds,
  Keyring,
  type KeyringOptions,
  type ServerStorage,
} from './accounts/index.js';
export {
  connectReader,
  connectStreams,
  type ConsumerSpec,
  type JobStreamOptions,
  jobStreams,
  type JobStreams,
  type JobStreamReader,
  type ObjectReader,
  type ObservedStreams,
  openStreams,
  type PresentJobStreams,
  type StoredObject,
  StreamAdmin,
  type StreamSpec,
} from './job/index.js';
export {
  type AccountStorage,
  AccountStreams,
  type JobRef,
  NamespaceAccounts,
  type NamespaceAccountsOptions,
  NatsStreams,
  SharedAccount,
  type StreamHome,
} from './homes/index.js';
