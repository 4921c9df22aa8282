/** The door of src/stream/access. What each role may do, and its credentials. */
export {
  type AccessIssuer,
  accountOfCreds,
  bytesOfSecret,
  checkCreds,
  credsEndSeconds,
  credsIssuer,
  type CredsIssuerOptions,
  type CredsLifetime,
  type JobIdentity,
  passwordIssuer,
  userCreds,
  workerKey,
} from './credentials.js';
export { claimsOf, signedJwt } from './jwt.js';
export {
  operatorInboxPrefix,
  type Permissions,
  permissionsFor,
  permissionsForOperator,
  permissionsForSystem,
  type Role,
  roles,
} from './permissions.js';
export { serverKeys, type ServerKeys } from './server-keys.js';
