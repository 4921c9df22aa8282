/** The door of src/api/template. Pods that users template. */
export { defaultTemplateRights, type TemplateRights, templateRightsProblems } from './template-rights.js';
export { type ContainerOverlay, type PodOverlay, type Quantities, templateProblems } from './template.js';
export {
  deletionCostAnnotation,
  graceSeconds,
  ownVolumePrefix,
  type PodRole,
  safeToEvictAnnotation,
  variableDefaults,
  workerContainer,
  workerFolders,
} from './worker-pod.js';
