/** The door of src/stream/job. The streams of one job. */
export { connectStreams, openStreams, type StorageFigures, StreamAdmin } from './admin.js';
export type { StoredHistory } from './history.js';
export type { StoredObject } from './objects.js';
export type { ObserveOptions, ObservedStreams, PresentJobStreams } from './observe.js';
export { connectReader, type JobStreamReader, type ObjectReader } from './reader.js';
export { type ConsumerSpec, type JobStreamOptions, jobStreams, type JobStreams, type StreamSpec } from './streams.js';
