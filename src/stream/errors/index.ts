/** The door of src/stream/errors. What can go wrong between the operator and NATS. */
export { StreamError, streamErrorFrom, type StreamErrorReason } from './errors.js';
export { accountSettings, limitOf, saving } from './room.js';
