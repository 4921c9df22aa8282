/**
 * The operator, composed: watches keep the cache of every replica warm, and the replica that leads runs the engine and the
 * sweep for streams without a job. Parts start in order and stop in reverse.
 *
 * Invariants:
 *  compose/O1 Only a process that leads writes, and each write asks again whether it still leads: decisions are older than
 *     their writes.
 *  compose/O2 A process that lost the lease ends. Its memory may be outdated, and a new process starts with none.
 */
import { openTracer } from '@distillery/tracing';

import { Transport, type Access } from '../cluster/kubernetes/index.js';
import type { LeaderElector, Term } from '../controller/index.js';
import { openHealth, type OutputLog } from '../telemetry/index.js';

import type { OperatorConfig } from './config.js';
import { credentialExpiries } from './expiries.js';
import { aborted, Leader } from './leading.js';
import { kubernetesOf, leaseOf, processOf, queueOf } from './parts.js';
import { healthPages } from './scrape.js';
import { openStreamHome } from './stream-home.js';

/** Why an operator ended. */
export type Ended = 'Stopped' | 'LostLeadership';

export interface Operator {
  /** Starts all parts, and leads while this process holds the lease. Resolves when all parts have stopped. */
  run(stop: AbortSignal): Promise<Ended>;
}

/**
 * Opens the port of the health pages first: without it nothing else may start. NATS is connected to in the background.
 * @throws HealthPortError when the port cannot be used; StreamError when a NATS secret is not valid
 */
export async function compose(config: OperatorConfig, access: Access, log: OutputLog): Promise<Operator> {
  const health = await openHealth(config.metricsPort);
  const tracer = await openTracer({
    settings: config.tracing,
    service: 'distillery-operator',
    instance: config.podName === '' ? 'operator' : config.podName,
    log,
  });
  const process = processOf(config, log, tracer);
  const { metrics, clock } = process;
  const transport = new Transport({ access, clock, userAgent: 'distillery-operator' });
  const queue = queueOf(process);
  const lease = leaseOf(process, transport);
  const isLeading = (): boolean => lease.elector.leading;
  const home = openStreamHome({
    nats: config.nats,
    clock,
    mayAct: isLeading,
    hasJobs: (namespace) => queue.hasJobs(namespace),
    wake: queue.wake,
    onStatus: (namespace, event) => {
      log.info({ ...(namespace === null ? {} : { namespace }), ...event }, 'nats connection');
    },
  });
  const kubernetes = kubernetesOf(process, transport, queue, isLeading);
  const { watches } = kubernetes;
  queue.onForget((key) => home.forget(key));
  const leader = new Leader(process, { queue, home, kubernetes, installation: lease.installation });
  const pages = healthPages({
    metrics,
    clock,
    queue,
    home,
    watches,
    staleMs: config.watchStaleMs,
    isLeading,
    fleetTotals: () => leader.fleetTotals(),
    expiries: () =>
      credentialExpiries(config.nats.auth, {
        'nats-ca': config.nats.tls.ca,
        'nats-client': config.nats.tls.cert,
        'worker-nats-client': config.nats.workerTls.cert,
      }),
  });
  // In the order in which they start.
  const tracing = tracer === null ? [] : [tracer];
  const parts = [health, ...tracing, transport, home, { close: () => watches.stop() }];
  return {
    async run(stop) {
      try {
        health.serve(pages);
        const { port } = health;
        const { identity } = process;
        log.info({ port, identity, images: config.worker.images, nats: config.nats.url }, 'operator started');
        watches.start();
        await Promise.race([watches.whenSynced(), aborted(stop)]);
        return await oneTerm(lease.elector, stop, (term) => leader.lead(term));
      } finally {
        for (const part of parts.toReversed()) await part.close();
        log.info({}, 'operator ended');
      }
    },
  };
}

/** Competes until `stop` aborts or a term is over (compose/O2). */
async function oneTerm(elector: LeaderElector, stop: AbortSignal, lead: (term: Term) => Promise<void>): Promise<Ended> {
  const over = new AbortController();
  await elector.run(AbortSignal.any([stop, over.signal]), async (term) => {
    await lead(term);
    if (!stop.aborted) over.abort();
  });
  return over.signal.aborted ? 'LostLeadership' : 'Stopped';
}
