/**
 * The door of protocol v1: what teachers, students, the operator and foreign readers' tests may use. Everything behind
 * it is pure (design §6); docs/protocol.md says the same without TypeScript.
 */
export { accessFromSecret, accessToSecret, natsTlsKeys, parseCreds, workerRoles } from './access.js';
export type { NatsAccess, NatsTls, WorkerRole } from './access.js';
export { augmentations } from './augment/augmentations.js';
export type { SampleKind } from './augment/augmentations.js';
export type { AugmentOptions } from './augment/image.js';
export { conformance } from './conformance.js';
export type {
  ConformanceFailure,
  ConformanceHeader,
  ConformancePart,
  ConformanceReport,
  ImageAugmentation,
  Implementation,
  VectorFiles,
} from './conformance.js';
export { decodeFrame, decodeLogits, encodeFrame, viewFrame } from './frame.js';
export type { FrameInput } from './frame.js';
export {
  chargeOf,
  exitCodeRows,
  failureCodes,
  isEndFromOutside,
  killedExitCode,
  workerExitCodes,
} from './exit-codes.js';
export type { ExitCharge, ExitCodeRow, WorkerEnding } from './exit-codes.js';
export { FrameError } from './frame-error.js';
export type { FrameFault, FrameCell } from './frame-error.js';
export { headerBytes, readHeader } from './frame-header.js';
export { bytesPerRow, frameLayouts } from './frame-layouts.js';
export type { DenseFrame, Frame, FrameHeader, TopKFrame, ValueEncoding } from './frame-layouts.js';
export { jetStreamFault, jetStreamLimit } from './jetstream-errors.js';
export type { JetStreamAnswer, JetStreamFault, JetStreamLimit } from './jetstream-errors.js';
export {
  ackWaitMs,
  consumeExpiresMs,
  consumeHeartbeatMs,
  maxDeliveries,
  maxFrameBytes,
  maxFrameRetries,
  maxTemperature,
  maxUnansweredDeliveries,
  maxWindowSteps,
  minimumNatsVersion,
  protocolVersion,
  teacherDrainMs,
  teacherPrefetch,
  telemetryStaleMs,
} from './limits.js';
export {
  datasetDeliveries,
  datasetFormats,
  manifestSchema,
  ManifestError,
  needsNoTeacher,
  parseManifest,
  trainingOrders,
  writtenManifestSchema,
} from './manifest.js';
export type { Augment, DatasetField, EarlyStop, Manifest } from './manifest.js';
export {
  anyHistory,
  anyStateChange,
  firstRank,
  fitsTeacherKey,
  historyKey,
  jobNames,
  NameError,
  resultPrefix,
  studentRanks,
} from './names.js';
export type { JobNames } from './names.js';
export { hostPort, NatsAddress, NatsAddressError, printableAddress } from './nats-address.js';
export type { AddressLogin, NatsEndpoint } from './nats-address.js';
export {
  allObjectEntries,
  allObjectPieces,
  listObjectEntries,
  maxObjects,
  objectDigest,
  objectEntrySubject,
  ObjectFault,
  objectPieces,
  objectPiecesSubject,
  readObjectEntry,
  wholeObject,
} from './objects.js';
export type { NextPiece, ObjectEntry, StoredPiece } from './objects.js';
export { features, missingFeatures, missingFeaturesText } from './messages.js';
export type { Feature } from './messages.js';
export {
  inDigestOrder,
  jobOfReport,
  maxReplacedNames,
  readResultSums,
  resultFileNames,
  resultFiles,
  resultNamePattern,
  resultReportSchema,
  resultSumsName,
  resultSumsText,
  trainingMetricsSchema,
  weightsDigestHead,
  weightsDigestParts,
} from './results.js';
export type { NamedWeights, ResultReport, StoppedEarly, TrainingMetrics } from './results.js';
export { maxMetrics, metricNamePattern, namedMetricsSchema } from './metrics.js';
export type { NamedMetrics } from './metrics.js';
export {
  imageNativeFolder,
  instructionSets,
  nativeBuildFile,
  nativeCudaFolder,
  nativeFolderName,
  runtimeChoices,
  runtimeNames,
} from './runtimes.js';
export type { InstructionSet, RuntimeChoice, RuntimeName } from './runtimes.js';
export { blockOrder, permutation, schedule, windowBlocks } from './schedule.js';
export type { Schedule, ScheduleOptions } from './schedule.js';
export { rowsPerFrame, samplesOfRows, shardCount, shardRows, shardsOf } from './shards.js';
export type { RowRange } from './shards.js';
export {
  deadItemSchema,
  logitsReaderOf,
  maxDamagedFrames,
  maxDeadErrorLength,
  maxFaultLength,
  maxNoteLength,
  maxNotes,
  referenceSchema,
  studentPhases,
  studentStateSchema,
  teacherPhases,
  teacherStateSchema,
} from './telemetry.js';
export type { DamagedFrame, DeadItem, LogitsReader, Reference, StudentState, TeacherState } from './telemetry.js';
export {
  readStore,
  readStudentModelUri,
  readUri,
  storeRules,
  studentModelRules,
  uriForms,
  uriRules,
  uriText,
} from './uri.js';
export type { PresetUri, Read, Store, Uri, UriFault, UriRule, UriScheme } from './uri.js';
export { decodeWorkItem, encodeWorkItem, WorkItemError } from './work-item.js';
export type { WorkItem } from './work-item.js';
export { fixedLibraries, quietLibraries } from './quiet.js';
