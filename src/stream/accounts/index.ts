/** The door of src/stream/accounts. One NATS account per namespace. */
export { AccountBook } from './account-book.js';
export { type AccountLimits, accountUserCreds, Keyring, type KeyringOptions } from './accounts.js';
