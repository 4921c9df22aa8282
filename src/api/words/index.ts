/** The door of src/api/words. Every name and sentence of the API. */
export { type GrantFigures, grantsText, grantText } from './grant-text.js';
export {
  apiGroup,
  apiVersion,
  appliedAnnotation,
  appName,
  fieldManager,
  forceDeleteAnnotation,
  inputsName,
  isCredentialsName,
  isManagedHere,
  isTeacherName,
  kind,
  kueue,
  labels,
  plural,
  sharedName,
  streamsFinalizer,
  studentName,
  teacherName,
  templateAnnotation,
} from './names.js';
export {
  type ConditionDraft,
  conditions,
  type ConditionType,
  conditionTypes,
  type DemandReason,
  demandText,
  type EventDraft,
  events,
  reasons,
  type TeacherCounts,
} from './reasons.js';
export { kubernetesTime } from './time.js';
