/** The door of the room of places: from the uris of a job to files on this machine. */
export type { CredentialSource } from './credentials.js';

export { BucketFolder } from './bucket-folder.js';
export type { BucketFile } from './bucket-folder.js';
export { PlaceError, RemoteError } from './errors.js';
export type { RemoteReason } from './errors.js';
export { Places } from './places.js';
export { rangedLimits } from './ranged-files.js';
export type { DataPlace, PlacesOptions, PlaceUse, StoreUse } from './places.js';
export { resolve } from './resolve.js';
export type { LocalPlace } from './resolve.js';
export { retryLimits } from './retries.js';
export { transportLimits } from './requests.js';
