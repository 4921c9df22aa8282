/**
 * What the parts of the operator report, as log lines and metrics: a part of the composition root. One function for each
 * reporting part; the switches are exhaustive.
 */
import type { ApiClientOptions, EventRecorderOptions, WatchesOptions } from '../cluster/kubernetes/index.js';
import type { EngineReport, JobKey, SweepReport } from '../controller/index.js';
import type { Plan, Snapshot } from '../domain/index.js';
import type { JobMeasures, Metrics, OutputLog } from '../telemetry/index.js';

import { jobFigures } from './job-figures.js';
import type { JobHistories } from './job-histories.js';

/** Reconciles and allocations. */
export function engineReporter(
  metrics: Pick<Metrics, 'reconciles' | 'observeReconcile' | 'shareSeconds'>,
  {
    measures,
    histories,
  }: {
    readonly measures: Pick<JobMeasures, 'set' | 'remove'>;
    readonly histories: Pick<JobHistories, 'decided' | 'forget'>;
  },
  log: OutputLog,
): (report: EngineReport) => void {
  const ofJob = ({ key, id }: Pick<Extract<EngineReport, { id: number }>, 'key' | 'id'>): OutputLog =>
    log.child({ job: nameOf(key), reconcileId: id });
  return (report) => {
    switch (report.kind) {
      case 'decided':
        logDecision(ofJob(report), report.snapshot, report.plan);
        measures.set(report.key, jobFigures(report.snapshot, report.plan.status));
        histories.decided(report.key, report.snapshot, report.plan);
        return;
      case 'done':
        metrics.observeReconcile(report.ms / 1_000, report.traceId);
        metrics.reconciles.inc({ outcome: 'done' });
        if (!report.gone) return;
        measures.remove(report.key);
        histories.forget(report.key.uid);
        return;
      case 'failed':
        metrics.observeReconcile(report.ms / 1_000, report.traceId);
        metrics.reconciles.inc({ outcome: 'failed' });
        ofJob(report).warn({ error: String(report.error) }, 'reconcile failed');
        return;
      case 'retrying':
        log.debug({ job: nameOf(report.key), retryMs: report.retryMs }, 'reconcile will be retried');
        return;
      case 'allocated':
        metrics.shareSeconds.observe(report.ms / 1_000);
        if (log.isLevelEnabled('trace')) log.trace({ fleet: report.snapshot() }, 'slots shared');
    }
  };
}

/** A decision that changes nothing is not logged. */
function logDecision(log: OutputLog, snapshot: Snapshot, plan: Plan): void {
  if (plan.events.length === 0 && plan.object === 'Keep') return;
  log.info(
    {
      generation: snapshot.job.metadata.generation,
      phase: plan.status.phase,
      pools: plan.pools,
      student: plan.student,
      workers: plan.workers,
      object: plan.object,
      streams: plan.streams,
      // Enough to repeat the decision.
      ...(log.isLevelEnabled('debug') ? { snapshot } : {}),
    },
    plan.events.map(({ message }) => message).join(' '),
  );
}

/** The sweep for streams without a job. */
export function sweepReporter(
  metrics: Pick<Metrics, 'orphanStreams' | 'orphanStreamsRemoved'>,
  log: Pick<OutputLog, 'info' | 'warn'>,
): (report: SweepReport) => void {
  return (report) => {
    switch (report.kind) {
      case 'removed': {
        const { account, owner } = report.orphan;
        const { streams } = report;
        metrics.orphanStreamsRemoved.inc(streams.length);
        log.info({ job: nameOf(owner), uid: owner.uid, account, streams }, 'streams of a job that is gone removed');
        return;
      }
      case 'spared': {
        const { owner } = report.orphan;
        const job = { job: nameOf(owner), uid: owner.uid };
        log.warn(job, 'streams kept: the API server knows the job, the watch does not');
        return;
      }
      case 'closed':
        log.info({ namespace: report.namespace }, 'NATS account of a namespace without jobs and streams closed');
        return;
      case 'left': {
        const { waiting, kept, foreign } = report.left;
        for (const [state, count] of Object.entries({ waiting, kept, foreign })) {
          metrics.orphanStreams.set({ state }, count);
        }
        return;
      }
      case 'failed':
        log.warn({ doing: report.doing, error: String(report.error) }, 'sweep for streams without a job failed');
    }
  };
}

/** Histories of jobs that could not be stored. */
export function historyReporter(log: Pick<OutputLog, 'warn'>): (key: JobKey, error: unknown) => void {
  return (key, error) => log.warn({ job: nameOf(key), error: String(error) }, 'history not stored; tried again later');
}

export function watchReporter(log: Pick<OutputLog, 'info' | 'error'>): WatchesOptions['report'] {
  return ({ plural: resource, group }, report) => {
    switch (report.kind) {
      case 'listed':
        log.info({ resource, ...report }, 'watch listed');
        return;
      case 'interrupted':
        log.info({ resource, error: report.error.message, next: report.next }, 'watch interrupted');
        return;
      case 'without':
        // The text of an API server that does not serve a resource reads like a fault.
        log.info(
          { resource, group, ...(report.why === 'NotReadable' ? { error: report.error.message } : {}) },
          `optional resource ${withoutTexts[report.why]}`,
        );
        return;
      default:
        log.error({ resource, error: String(report.error) }, `watch ${report.kind}`);
    }
  };
}

const withoutTexts = {
  NotServed: 'not served by this cluster',
  TooOld: 'served by this cluster in an older version only',
  NotReadable: 'not readable by this account',
} as const;

/** Kubernetes Events that the operator records about jobs. */
export function eventReporter(
  metrics: Pick<Metrics, 'events'>,
  log: Pick<OutputLog, 'warn'>,
): EventRecorderOptions['report'] {
  return (outcome, key, event) => {
    metrics.events.inc({ outcome: outcome.kind });
    if (outcome.kind !== 'failed') return;
    const error = String(outcome.error);
    log.warn({ job: nameOf(key), event: event.reason, error }, 'event not recorded');
  };
}

/** Requests to the API server. */
export function requestReporter(
  metrics: Pick<Metrics, 'apiRequests' | 'apiSeconds' | 'apiThrottledSeconds'>,
): NonNullable<ApiClientOptions['onRequest']> {
  return ({ verb, kind, outcome, ms, waitedMs }) => {
    metrics.apiRequests.inc({ verb, resource: kind.plural, code: outcome });
    metrics.apiSeconds.observe({ verb }, ms / 1_000);
    metrics.apiThrottledSeconds.inc(waitedMs / 1_000);
  };
}

function nameOf({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${namespace}/${name}`;
}
