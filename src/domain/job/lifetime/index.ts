/** The door of src/domain/job/lifetime. When the objects of a job exist. */
export {
  type Deletion,
  deletionConditions,
  deletionEvents,
  deletionOf,
  deletionPlan,
  deletionRequeueMs,
} from './deletion.js';
export { objectPlan, requeueAfter } from './lifetime.js';
