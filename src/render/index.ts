/** The door of the rendering room: turns jobs and plans into Kubernetes objects and manifests. */
export { manifestOf } from './manifest.js';
export { networkPolicy } from './network-policy.js';
export type { KubernetesObject, WorkerSettings } from './object.js';
export { claimsOf, podNeeds } from './resources.js';
export { configMap, secret, serviceAccount } from './shared-objects.js';
export { queuedStudentJob, studentJob } from './student-job.js';
export { teacherDeployment } from './teacher-deployment.js';
