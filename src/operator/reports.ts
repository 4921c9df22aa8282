/** What the sweep for streams without a job does, as log lines and metrics: a part of the composition root. */
import type { SweepReport } from './controller/index.js';
import type { Metrics, OutputLog } from './telemetry/index.js';

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
        log.info({ ...jobOf(owner), account, streams }, 'streams of a job that is gone removed');
        return;
      }
      case 'spared':
        log.warn(jobOf(report.orphan.owner), 'streams kept: the API server knows the job, the watch does not');
        return;
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

function jobOf({ namespace, name, uid }: { readonly namespace: string; readonly name: string; readonly uid: string }) {
  return { job: `${namespace}/${name}`, uid };
}
