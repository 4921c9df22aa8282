/** The door of src/domain/job/demand. How many teachers a job asks for. */
export { dampedRequest, type PoolState } from './damp.js';
export { type JobDemand, jobDemandOf, shortageText } from './demand.js';
export { pauseEndMs } from './pause.js';
export { quotaOf, quotaText, saidOfQuota } from './quota.js';
export { jobRequestOf, slotsPerReplicaOf } from './request.js';
export { see, type Seen } from './seen.js';
export { isForced, type Verdict } from './verdict.js';
