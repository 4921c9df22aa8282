/** The door of src/domain/job/status. What a job says of itself. */
export { conditionDrafts, conditionsFrom } from './conditions.js';
export { eventsOf } from './events.js';
export { statusOf } from './status.js';
export { withSummaryReason } from './summary.js';
export { worthWriting } from './worth-writing.js';
