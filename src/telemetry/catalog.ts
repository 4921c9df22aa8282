/**
 * Every metric of the operator: its name, unit, labels and help text. docs/reference/metrics.md is generated from it.
 *
 * Invariants:
 *  catalog/C1 Labels are bounded: namespaces and names of jobs, pools and resources, and words of fixed lists. No label holds
 *     the name of a pod, a message or a number.
 *  catalog/C2 A metric of a job carries `namespace` and `name` and ends with the job.
 */
import { counter, type Described, gauge, histogram } from './describe.js';

const job = ['namespace', 'name'] as const;
const pool = [...job, 'pool'] as const;

/** What the operator itself does. */
const operatorMetrics = {
  build: gauge('distillery_build_info', 'Always 1; the labels are the versions of the operator and of Node.js.', [
    'version',
    'node',
  ]),
  jobs: gauge('distillery_jobs', 'Number of jobs, by phase.', ['phase']),
  leader: gauge('distillery_leader', '1 while this replica leads, otherwise 0.', []),
  reconciles: counter('distillery_reconciles_total', 'Reconciles of DistillJobs, by outcome: done or failed.', [
    'outcome',
  ]),
  reconcileSeconds: histogram('distillery_reconcile_duration_seconds', 'Duration of a reconcile, in seconds.', []),
  queueDepth: gauge('distillery_queue_depth', 'Jobs waiting in the work queue.', []),
  queueAge: gauge(
    'distillery_queue_oldest_seconds',
    'Time that the oldest job in the work queue has waited, in seconds.',
    [],
  ),
  apiRequests: counter(
    'distillery_api_requests_total',
    'Requests to the API server, by verb, resource and status code.',
    ['verb', 'resource', 'code'],
  ),
  apiSeconds: histogram(
    'distillery_api_request_duration_seconds',
    'Time from the sending of a request to the answer of the API server, in seconds.',
    ['verb'],
  ),
  apiThrottledSeconds: counter(
    'distillery_api_throttled_seconds_total',
    'Time that requests waited for the client-side budget (DISTILLERY_API_QPS), in seconds.',
    [],
  ),
  apiBudget: gauge(
    'distillery_api_budget_requests_per_second',
    'Client-side budget of requests to the API server (DISTILLERY_API_QPS), in requests per second.',
    [],
  ),
  events: counter('distillery_events_total', 'Kubernetes Events about jobs, by outcome.', ['outcome']),
  watchStaleness: gauge(
    'distillery_watch_staleness_seconds',
    'Time since the API server last sent anything on the watch of a resource, in seconds.',
    ['resource'],
  ),
  watchLists: counter('distillery_watch_lists_total', 'Full lists of a resource that its watch had to read.', [
    'resource',
  ]),
  watchInterruptions: counter('distillery_watch_interruptions_total', 'Interruptions of the watch of a resource.', [
    'resource',
  ]),
  credentialsExpiry: gauge(
    'distillery_credentials_expiry_timestamp_seconds',
    "End of the validity of the operator's credentials, in seconds since 1970; absent for those without an end.",
    ['credentials'],
  ),
} as const;

const natsMetrics = {
  natsConnected: gauge('distillery_nats_connected', '1 while the operator is connected to NATS, otherwise 0.', []),
  natsAccounts: gauge(
    'distillery_nats_accounts',
    'NATS accounts in use by jobs, by state of the connection: connected or unreachable.',
    ['state'],
  ),
  natsStorageUsed: gauge(
    'distillery_nats_storage_used_bytes',
    'Bytes that the streams of a NATS account have stored on disk. The account is that of a namespace, or `shared`.',
    ['account'],
  ),
  natsStorageReserved: gauge(
    'distillery_nats_storage_reserved_bytes',
    'Bytes on disk that the streams of a NATS account have reserved by their maximum sizes.',
    ['account'],
  ),
  natsStorageLimit: gauge(
    'distillery_nats_storage_limit_bytes',
    'Limit of a NATS account for bytes on disk; absent where the account has none.',
    ['account'],
  ),
  natsServerStorageUsed: gauge(
    'distillery_nats_server_storage_used_bytes',
    'Bytes that the streams of all accounts have stored on the fullest NATS server, by storage: file or memory. Absent where the operator has no right to ask servers.',
    ['storage'],
  ),
  natsServerStorageReserved: gauge(
    'distillery_nats_server_storage_reserved_bytes',
    'Bytes that the streams of all accounts have reserved on the fullest NATS server by their maximum sizes, by storage.',
    ['storage'],
  ),
  natsServerStorageLimit: gauge(
    'distillery_nats_server_storage_limit_bytes',
    'Largest size of all streams of the fullest NATS server (max_file_store, max_memory_store), by storage.',
    ['storage'],
  ),
  orphanStreams: gauge(
    'distillery_orphan_streams',
    'Streams in NATS whose job is gone, by state: waiting (removed after DISTILLERY_ORPHAN_SECONDS), kept (marked to be kept) or foreign (without the mark of this operator, never removed).',
    ['state'],
  ),
  orphanStreamsRemoved: counter(
    'distillery_orphan_streams_removed_total',
    'Streams that were removed because their job was gone.',
    [],
  ),
} as const;

const slotMetrics = {
  shareSeconds: histogram(
    'distillery_share_duration_seconds',
    'Time to share the slots among all jobs, in seconds.',
    [],
  ),
  slotsFree: gauge(
    'distillery_slots_free',
    'Slots that teachers and pending pods of higher priority could use if no teacher ran.',
    ['resource'],
  ),
  slotsReserved: gauge('distillery_slots_reserved', 'Free slots that teachers leave unused (DISTILLERY_RESERVE).', [
    'resource',
  ]),
  slotsGranted: gauge('distillery_slots_granted', 'Slots granted to jobs for their teachers.', ['resource']),
  slotsPending: gauge('distillery_slots_pending', 'Slots that pending pods of higher priority than teachers need.', [
    'resource',
  ]),
} as const;

/** Where a job is, from its status. */
const jobMetrics = {
  phase: gauge('distillery_job_phase', 'Always 1; the label is the phase of the job.', [...job, 'phase']),
  condition: gauge(
    'distillery_job_condition',
    'Always 1; the labels are a condition of the job: its type, its status and its reason.',
    [...job, 'type', 'status', 'reason'],
  ),
  step: gauge('distillery_job_step', 'Training steps done.', job),
  steps: gauge('distillery_job_steps', 'Training steps of the whole job.', job),
  remaining: gauge('distillery_job_remaining_seconds', 'Time left at the present training rate, in seconds.', job),
  loss: gauge('distillery_job_loss', 'Loss of the student at its last reported step.', job),
  quality: gauge(
    'distillery_job_quality',
    'A metric of the student that is being trained, such as agreement or accuracy; the label is its name.',
    [...job, 'metric'],
  ),
  disruptions: counter(
    'distillery_job_disruptions_total',
    'Pods lost to disruptions: deleted, evicted, drained, preempted or out of memory.',
    [...job, 'role'],
  ),
  failures: counter('distillery_job_failures_total', 'Errors of the student, charged to backoffLimit.', job),
  attempts: counter('distillery_job_attempts_total', 'Student processes started.', job),
  deadItems: gauge('distillery_job_dead_items', 'Work items that no teacher could do, of the last 7 days.', job),
  slotSeconds: counter(
    'distillery_job_slot_seconds_total',
    'Slots held, multiplied by the time in seconds, by role: teacher or student.',
    [...job, 'role'],
  ),
  teachersDesired: gauge('distillery_job_teachers_desired', 'Teachers that a pool of the job should have now.', pool),
  teachersReady: gauge('distillery_job_teachers_ready', 'Teachers of a pool that are ready to label samples.', pool),
  teachersWanted: gauge(
    'distillery_job_teachers_wanted',
    'Teachers that a pool of the job would have if there were slots for all.',
    pool,
  ),
  poolInfo: gauge(
    'distillery_job_pool_info',
    'Always 1; the label is the reason for the number of teachers of a pool.',
    [...pool, 'reason'],
  ),
} as const;

/** What workers report through the job's streams. The operator exposes it, so worker pods need no port. */
const workerMetrics = {
  samplesTrained: counter('distillery_job_samples_trained_total', 'Samples that the student has trained.', job),
  samplesPerSecond: gauge(
    'distillery_job_samples_per_second',
    'Training rate of the student, in samples per second.',
    job,
  ),
  unstarvedSamplesPerSecond: gauge(
    'distillery_job_unstarved_samples_per_second',
    'Training rate that the student would have without waiting for logits, in samples per second.',
    job,
  ),
  waitRatio: gauge(
    'distillery_job_wait_ratio',
    'Fraction of the last 5 s that the student waited for logits, from 0 to 1.',
    job,
  ),
  bufferFrames: gauge('distillery_job_buffer_frames', 'Logits frames stored and not yet used for training.', job),
  bufferBytes: gauge(
    'distillery_job_buffer_bytes',
    'Size of the logits frames stored and not yet used, in bytes.',
    job,
  ),
  logitsBytes: gauge('distillery_job_logits_bytes', 'Size of the stream of logits, in bytes.', job),
  logitsLimit: gauge('distillery_job_logits_limit_bytes', 'Largest size of the stream of logits, in bytes.', job),
  checkpointStep: gauge('distillery_job_checkpoint_step', 'Step of the newest checkpoint that is stored.', job),
  checkpointEvery: gauge('distillery_job_checkpoint_interval_steps', 'Training steps between two checkpoints.', job),
  reported: gauge(
    'distillery_job_student_report_timestamp_seconds',
    'Time of the last report of the student, in seconds since 1970.',
    job,
  ),
  workItems: gauge(
    'distillery_job_work_items',
    'Work items that are not computed yet, by state: pending or in_flight.',
    [...job, 'state'],
  ),
  labeledPerSecond: gauge(
    'distillery_job_labeled_samples_per_second',
    'Samples that the teachers of a pool label per second.',
    pool,
  ),
  capablePerSecond: gauge(
    'distillery_job_capable_samples_per_second',
    'Samples per second that the teachers of a pool could label without waiting.',
    pool,
  ),
  teacherBusy: gauge(
    'distillery_job_teacher_busy_ratio',
    'Fraction of time that the teachers of a pool spend in inference, from 0 to 1.',
    pool,
  ),
} as const;

/** The metrics of single jobs: counters and gauges. */
export const jobCatalog = { ...jobMetrics, ...workerMetrics } as const;

export const catalog = {
  ...operatorMetrics,
  ...natsMetrics,
  ...slotMetrics,
  ...jobCatalog,
} as const satisfies Readonly<Record<string, Described<string>>>;
