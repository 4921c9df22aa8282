/** The dashboard of the platform team: the operator, the slots, the API server and NATS. */
import { curve, led, number, type Page } from './panels.ts';

const rate = (counter: string): string => `rate(${counter}[$__rate_interval])`;

export const platform: Page = {
  uid: 'distillery-platform',
  title: 'Distillery platform',
  help: 'The operator, the slots that its jobs share, its requests to the API server, and NATS.',
  variables: [],
  rows: [
    {
      title: 'Operator',
      panels: [
        number({
          title: 'Leaders',
          help: 'Replicas that lead: one. With none, nothing is decided.',
          unit: 'short',
          queries: [['sum by (job) (distillery_leader)', '{{job}}']],
        }),
        number({
          title: 'Replicas',
          help: 'Replicas that Prometheus reaches, by version.',
          unit: 'short',
          queries: [['count by (version) (distillery_build_info)', '{{version}}']],
        }),
        number({
          title: 'Queue age',
          help: 'Time that the oldest job waits for its reconcile.',
          unit: 's',
          queries: [[`max(${led('distillery_queue_oldest_seconds')})`, 'oldest']],
        }),
        number({
          title: 'NATS',
          help: '1 while the leader is connected.',
          unit: 'short',
          queries: [[`max(${led('distillery_nats_connected')})`, 'connected']],
        }),
        number({
          title: 'Budget used',
          help: 'Requests to the API server, as a part of the client-side budget.',
          unit: 'percentunit',
          queries: [
            [
              `sum(${led(rate('distillery_api_requests_total'))}) / max(${led('distillery_api_budget_requests_per_second')})`,
              'used',
            ],
          ],
        }),
        number({
          title: 'Stalest watch',
          help: 'Longest time without a word of the API server on a watch. Normal: up to a minute.',
          unit: 's',
          queries: [[`max(${led('distillery_watch_staleness_seconds')})`, 'silent']],
        }),
        curve({
          title: 'Jobs by phase',
          help: 'Number of DistillJobs.',
          unit: 'short',
          queries: [[`max by (phase) (${led('distillery_jobs')})`, '{{phase}}']],
        }),
        curve({
          title: 'Reconciles',
          help: 'Reconciles per second, by outcome.',
          unit: 'ops',
          queries: [[`sum by (outcome) (${rate('distillery_reconciles_total')})`, '{{outcome}}']],
        }),
        curve({
          title: 'Work queue',
          help: 'Jobs that wait, and how long the oldest has waited.',
          unit: 'short',
          queries: [
            [`max(${led('distillery_queue_depth')})`, 'jobs'],
            [`max(${led('distillery_queue_oldest_seconds')})`, 'oldest, in seconds'],
          ],
        }),
      ],
    },
    {
      title: 'Slots',
      panels: [
        curve({
          title: 'Free and granted',
          help: 'Slots that teachers could use if none ran, and slots that jobs were granted.',
          unit: 'short',
          queries: [
            [`max by (resource) (${led('distillery_slots_free')})`, 'free {{resource}}'],
            [`max by (resource) (${led('distillery_slots_granted')})`, 'granted {{resource}}'],
          ],
        }),
        curve({
          title: 'Reserved',
          help: 'Slots that teachers leave unused.',
          unit: 'short',
          queries: [[`max by (resource) (${led('distillery_slots_reserved')})`, '{{resource}}']],
        }),
        curve({
          title: 'Pending pods',
          help: 'Slots that pending pods of higher priority need. Teachers give way to them.',
          unit: 'short',
          queries: [[`max by (resource) (${led('distillery_slots_pending')})`, '{{resource}}']],
        }),
        curve({
          title: 'Time of an allocation',
          help: 'Time to share the slots among all jobs: 99th percentile.',
          unit: 's',
          queries: [
            [
              `histogram_quantile(0.99, sum by (le) (${rate('distillery_share_duration_seconds_bucket')}))`,
              '99th percentile',
            ],
          ],
        }),
      ],
    },
    {
      title: 'API server',
      panels: [
        curve({
          title: 'Requests',
          help: 'Requests per second, by verb, and the budget.',
          unit: 'reqps',
          queries: [
            [`sum by (verb) (${rate('distillery_api_requests_total')})`, '{{verb}}'],
            [`max(${led('distillery_api_budget_requests_per_second')})`, 'budget'],
          ],
        }),
        curve({
          title: 'Requests by status code',
          help: '403 is a missing right, 409 a conflict, 429 an overloaded API server.',
          unit: 'reqps',
          queries: [[`sum by (code) (${rate('distillery_api_requests_total')})`, '{{code}}']],
        }),
        curve({
          title: 'Waiting for the budget',
          help: 'Requests that wait for the client-side budget at any time.',
          unit: 'short',
          queries: [[`sum(${rate('distillery_api_throttled_seconds_total')})`, 'waiting']],
        }),
        curve({
          title: 'Time to answer',
          help: 'Time of the API server: 99th percentile by verb.',
          unit: 's',
          queries: [
            [
              `histogram_quantile(0.99, sum by (le, verb) (${rate('distillery_api_request_duration_seconds_bucket')}))`,
              '{{verb}}',
            ],
          ],
        }),
        curve({
          title: 'Watches',
          help: 'Time since the API server last sent anything on the watch of a resource.',
          unit: 's',
          queries: [[`max by (resource) (${led('distillery_watch_staleness_seconds')})`, '{{resource}}']],
        }),
      ],
    },
    {
      title: 'NATS',
      panels: [
        curve({
          title: 'Accounts',
          help: 'Accounts in use by jobs, by the state of their connection.',
          unit: 'short',
          queries: [[`max by (state) (${led('distillery_nats_accounts')})`, '{{state}}']],
        }),
        curve({
          title: 'Storage',
          help: 'Bytes stored and reserved, by account. Reserved bytes count against the limit.',
          unit: 'bytes',
          queries: [
            [`max by (account) (${led('distillery_nats_storage_used_bytes')})`, 'used {{account}}'],
            [`max by (account) (${led('distillery_nats_storage_reserved_bytes')})`, 'reserved {{account}}'],
          ],
        }),
        curve({
          title: 'Server storage',
          help: 'Bytes that the streams of all accounts have stored and reserved on the fullest server, and its maximum. Reserved bytes count against it.',
          unit: 'bytes',
          queries: [
            [`max by (storage) (${led('distillery_nats_server_storage_used_bytes')})`, 'used {{storage}}'],
            [`max by (storage) (${led('distillery_nats_server_storage_reserved_bytes')})`, 'reserved {{storage}}'],
            [`max by (storage) (${led('distillery_nats_server_storage_limit_bytes')})`, 'maximum {{storage}}'],
          ],
        }),
        curve({
          title: 'Streams without a job',
          help: 'Streams whose job is gone, by state.',
          unit: 'short',
          queries: [[`max by (state) (${led('distillery_orphan_streams')})`, '{{state}}']],
        }),
      ],
    },
    {
      title: 'Process',
      panels: [
        curve({
          title: 'Memory',
          help: 'Resident memory of each replica.',
          unit: 'bytes',
          queries: [['process_resident_memory_bytes and on (job, instance) distillery_leader', '{{instance}}']],
        }),
        curve({
          title: 'CPU',
          help: 'CPU cores used by each replica.',
          unit: 'short',
          queries: [[`${rate('process_cpu_seconds_total')} and on (job, instance) distillery_leader`, '{{instance}}']],
        }),
        curve({
          title: 'Event loop',
          help: 'Delay of the event loop of each replica: 99th percentile.',
          unit: 's',
          queries: [['nodejs_eventloop_lag_p99_seconds and on (job, instance) distillery_leader', '{{instance}}']],
        }),
      ],
    },
  ],
};
