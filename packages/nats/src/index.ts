/** The door of nats: what operator, command and workers share to reach NATS. Policy stays with them. */
export { CredsError, credsLogin, lastReadable, readCreds } from './creds.js';
export type { UserCreds } from './creds.js';
export { attemptWithin, connectionSettings, dialFaultOf, firstDelayMs, longestDelayMs, nextDelayMs } from './dial.js';
export type { AttemptOptions, Caller, Certificates, DialFault, NatsLogin } from './dial.js';
export { directGets, isDeletionMark } from './direct-gets.js';
export type { DirectGets } from './direct-gets.js';
export {
  hasNoListener,
  isClosed,
  isMissing,
  isUnauthorized,
  jetStreamRefusal,
  orNull,
  permissionViolationIn,
  withCause,
} from './errors.js';
export type { JetStreamRefusal } from './errors.js';
export { bytesOfSeed, derivedBytes, NkeyError, nkeyOf, toBase32 } from './nkeys.js';
export type { Nkey, NkeyKind } from './nkeys.js';
export { checkedObject, checkedPieces, digestOf, isSound } from './objects.js';
export { roomFault } from './room.js';
export type { AccountRoom, Shortage } from './room.js';
