/**
 * A day made up from parameters. Arrivals are a Poisson process whose rate follows the hour, run times are log-normal:
 * many short, a few very long, as in the traces of GPU clusters that were published (Philly, Helios, Alibaba PAI). The same
 * parameters and seed give the same trace.
 */
import { type Random, randomFrom, seedOf } from '@distillery/base';
import { maxWindowSteps } from '@distillery/protocol';

import type { Parameters } from './parameters.js';
import type { Trace, TraceJob, TraceNeighbor, TraceNode } from './trace.js';

const hourSeconds = 3_600;
const daySeconds = 24 * hourSeconds;

/** Separate streams, so that another number of jobs leaves the neighbors as they were. */
const streams = { neighbors: 1, jobs: 2 } as const;

export function generateTrace(parameters: Parameters, seed: number): Trace {
  const { cluster } = parameters;
  const nodes = Array.from({ length: cluster.nodes }, (_, index): TraceNode => {
    return { name: `node-${index}`, model: 'any', slots: cluster.slotsPerNode };
  });
  return {
    nodes,
    neighbors: neighborsOf(parameters, randomFrom(seedOf(seed, streams.neighbors))),
    ...jobsOf(parameters, seed),
  };
}

/** The part of a trace that no log of a cluster holds: distillation jobs, and how teachers and students behave. */
export function jobsOf(
  { jobs: wanted, teachers, studentStartSeconds }: Parameters,
  seed: number,
): Pick<Trace, 'jobs' | 'speeds' | 'timings'> {
  const random = randomFrom(seedOf(seed, streams.jobs));
  const from = wanted.fromHour * hourSeconds;
  const span = wanted.untilHour * hourSeconds - from;
  const teacherStepsPerSecond = teachers.samplesPerSecond / wanted.batchSize;
  const jobs = Array.from({ length: wanted.count }, (): Omit<TraceJob, 'uid'> => {
    const submittedAtSeconds = from + random.unit() * span;
    const needed = wanted.teachersNeeded[random.below(wanted.teachersNeeded.length)] ?? 1;
    const studentStepsPerSecond = needed * teacherStepsPerSecond;
    const seconds = logNormal(random, wanted.medianSeconds, wanted.sigma);
    return {
      submittedAtSeconds,
      weight: 1,
      steps: Math.max(1, Math.round(seconds * studentStepsPerSecond)),
      batchSize: wanted.batchSize,
      studentStepsPerSecond,
      teacherStepsPerSecond,
      windowSteps: Math.min(maxWindowSteps, Math.max(2, Math.ceil(wanted.bufferTargetSeconds * studentStepsPerSecond))),
      bufferTargetSeconds: wanted.bufferTargetSeconds,
      minReplicas: wanted.minReplicas,
      maxReplicas: Math.ceil(needed * wanted.mostOverNeeded),
    };
  }).sort((one, other) => one.submittedAtSeconds - other.submittedAtSeconds);
  return {
    jobs: jobs.map((job, index) => ({ uid: `job-${String(index).padStart(5, '0')}`, ...job })),
    speeds: teachers.speeds,
    timings: {
      teacherStartSeconds: teachers.startSeconds,
      teacherDrainSeconds: teachers.drainSeconds,
      graceSeconds: teachers.graceSeconds,
      studentStartSeconds,
    },
  };
}

function neighborsOf({ cluster, neighbors, hours }: Parameters, random: Random): TraceNeighbor[] {
  const { sizes, medianSeconds, sigma, load, dailySwing, peakHour } = neighbors;
  const shares = sizes.reduce((sum, { share }) => sum + share, 0);
  const meanSlots = sizes.reduce((sum, { slots, share }) => sum + slots * share, 0) / shares;
  const meanSeconds = medianSeconds * Math.exp(sigma ** 2 / 2);
  const perSecond = (load * cluster.nodes * cluster.slotsPerNode) / (meanSlots * meanSeconds);
  const highest = perSecond * (1 + dailySwing);
  const pods: TraceNeighbor[] = [];
  if (highest === 0) return pods;
  // Those that came before the day began are told as if they came at its start, with what they had left to run.
  const earlier = Math.min(20 * meanSeconds, 7 * daySeconds);
  for (let at = -earlier; ;) {
    at += -Math.log(1 - random.unit()) / highest;
    if (at >= hours * hourSeconds) return pods;
    const swing = Math.cos((2 * Math.PI * (at - peakHour * hourSeconds)) / daySeconds);
    // Thinning (Lewis and Shedler, 1979).
    if (random.unit() * (1 + dailySwing) >= 1 + dailySwing * swing) continue;
    const seconds = logNormal(random, medianSeconds, sigma);
    const slots = drawn(random, sizes, shares);
    const runsSeconds = seconds + Math.min(0, at);
    if (runsSeconds <= 0) continue;
    const name = `neighbor-${pods.length}`;
    pods.push({ name, arrivesAtSeconds: Math.max(0, at), runsSeconds, slots, milli: 1_000, models: null });
  }
}

function drawn(random: Random, sizes: Parameters['neighbors']['sizes'], shares: number): number {
  let left = random.unit() * shares;
  for (const { slots, share } of sizes) {
    left -= share;
    if (left < 0) return slots;
  }
  return sizes[0]?.slots ?? 1;
}

/** Box and Muller's transform. */
function logNormal(random: Random, median: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random.unit())) * Math.cos(2 * Math.PI * random.unit());
  return median * Math.exp(sigma * normal);
}
