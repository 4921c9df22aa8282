/** The door of the API: the job's types, reading and checking it, and the words of its status. */
export { checkJob, validateUpdate } from './check.js';
export type { Checked } from './check.js';
export type {
  DistillJob,
  DistillJobDraft,
  DistillJobSpec,
  DistillJobStatus,
  ObjectMeta,
  StatusBuffer,
  StatusCondition,
  StatusDeadItems,
  StatusDisruptions,
  StatusProgress,
  StatusResult,
  StatusTeachers,
  StatusTeachersPool,
  StatusUsage,
  TeacherPool,
} from './generated/distilljob.js';
export {
  apiGroup,
  apiVersion,
  appliedAnnotation,
  appName,
  fieldManager,
  forceDeleteAnnotation,
  kind,
  kueue,
  labels,
  ownManager,
  plural,
  inputsName,
  isCredentialsName,
  isTeacherName,
  sharedName,
  streamsFinalizer,
  studentName,
  teacherName,
  templateAnnotation,
} from './names.js';
export { formatProblems, problemAt, problemParagraphs } from './problem.js';
export type { Position, Problem } from './problem.js';
export { milliAmount, QuantityError, quantityValue, resourceAmount } from './quantity.js';
export { locateProblems, readJob, readObjects } from './read.js';
export type { ReadObject, ReadObjects, ReadOptions } from './read.js';
export { type GrantFigures, grantsText, grantText } from './grant-text.js';
export { conditions, conditionTypes, demandText, events, reasons } from './reasons.js';
export type { ConditionDraft, ConditionType, DemandReason, EventDraft, TeacherCounts } from './reasons.js';
export type { SourceOptions } from './source.js';
export { defaultTemplateRights, templateRightsProblems } from './template-rights.js';
export type { TemplateRights } from './template-rights.js';
export { templateProblems } from './template.js';
export type { ContainerOverlay, PodOverlay, Quantities } from './template.js';
export { kubernetesTime } from './time.js';
export { jobUris, withUris } from './job-uris.js';
export { unsupported } from './unsupported.js';
export type { Engine } from './unsupported.js';
export { claimPlace, configMapPlace, remotePlace, storeKind, uriScheme } from './uri.js';
export type { ClaimPlace, ConfigMapPlace, RemotePlace, StoreKind } from './uri.js';
export {
  deletionCostAnnotation,
  graceSeconds,
  ownVolumePrefix,
  safeToEvictAnnotation,
  variableDefaults,
  workerContainer,
  workerFolders,
} from './worker-pod.js';
export type { PodRole } from './worker-pod.js';
