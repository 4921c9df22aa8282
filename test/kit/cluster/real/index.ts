/** The door of the real-pods kit. */
export { filesOfLayer, type ImageArchive, readArchive } from './archive.js';
export { buildImages, type Image, type Images } from './images.js';
export { type PodOptions, restrictedPod } from './pods.js';
export type { RealNode } from './node.js';
export { type RealCluster, type RealClusterOptions, startRealCluster } from './real-cluster.js';
export { hostAddress, siteRemains } from './host-resources.js';
export { type Availability, realPodsAvailable } from './system.js';
