/** The door of src/stream/accounts. One NATS account per namespace. */
export { AccountBook } from './account-book.js';
export { askStorage } from './account-requests.js';
export { type AccountLimits, accountUserCreds, Keyring, type KeyringOptions } from './accounts.js';
export type { ServerStorage } from './server-storage.js';
