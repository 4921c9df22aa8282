/** A running job as lines of text for a person. Pure. */
import type { NamedMetrics } from '@distillery/protocol';

import type { Snapshot } from '../../domain/index.js';

import { bytes, duration } from '../shared/format.js';
import { scoresText } from '../shared/scores.js';

const bar = { full: '█', empty: '░' };

export interface Shown {
  readonly phase: string;
  readonly step: number;
  readonly steps: number;
  readonly samplesPerSecond: number;
  readonly secondsLeft: number | null;
  readonly loss: number | null;
  readonly accuracy: number | null;
  readonly metrics: NamedMetrics;
  readonly waitFraction: number;
  readonly buffer: { readonly frames: number; readonly bytes: number; readonly window: number };
  readonly teachers: readonly { readonly name: string; readonly phase: string; readonly samplesPerSecond: number }[];
  readonly teachersDesired: number;
  readonly disruptions: { readonly teacher: number; readonly student: number };
}

/** @returns what is shown of a snapshot; null before the first report of the student */
export function shownOf({ job, streams, cluster }: Snapshot, teachersDesired: number): Shown | null {
  if (streams.state !== 'Present' || streams.student === null) return null;
  const { student } = streams;
  const alive = new Set(cluster.pools.flatMap((pool) => pool.pods.map((pod) => pod.name)));
  const left = (student.steps - student.step) * student.batchSize;
  return {
    phase: student.phase === 'Training' ? (job.status?.phase ?? 'Running') : student.phase,
    step: student.step,
    steps: student.steps,
    samplesPerSecond: student.samplesPerSecond,
    secondsLeft: student.samplesPerSecond > 0 ? left / student.samplesPerSecond : null,
    loss: student.loss,
    accuracy: student.accuracy,
    metrics: student.metrics ?? {},
    waitFraction: student.waitFraction,
    buffer: { ...student.buffer, window: student.window },
    teachers: streams.teachers
      .filter((teacher) => alive.has(teacher.pod))
      .map(({ pod, phase, samplesPerSecond }) => ({ name: pod, phase, samplesPerSecond })),
    teachersDesired,
    disruptions: {
      teacher: cluster.pools.reduce((sum, pool) => sum + pool.disruptions, 0),
      student: cluster.student.disruptions ?? 0,
    },
  };
}

/** @returns the live view: three lines, none wider than `width` */
export function liveLines(name: string, shown: Shown, width: number): string[] {
  const done = share(shown);
  const cells = Math.max(8, Math.min(30, width - 70));
  const filled = Math.round(done * cells);
  const lines = [
    `${name}  ${bar.full.repeat(filled)}${bar.empty.repeat(cells - filled)}  ${percent(done)}  ` +
      `step ${count(shown.step)} of ${count(shown.steps)}  ${count(shown.samplesPerSecond)} samples/s  ${timeLeft(shown)}`,
    `  ${shown.phase.toLowerCase()}   loss ${decimal(shown.loss)}   ${scoresText(shown, '   ')}   ` +
      `student waited ${percent(shown.waitFraction)}   buffer ${buffer(shown)}`,
    `  teachers ${ready(shown)} of ${shown.teachersDesired}${teacherRates(shown)}${disruptions(shown)}`,
  ];
  return lines.map((line) => (line.length > width ? `${line.slice(0, Math.max(0, width - 1)).trimEnd()}…` : line));
}

/** @returns one line for files, pipes and CI logs, which keep what is printed */
export function plainLine(name: string, shown: Shown): string {
  return (
    `${name}: step ${shown.step}/${shown.steps} (${percent(share(shown))}), ${count(shown.samplesPerSecond)} samples/s, ` +
    `loss ${decimal(shown.loss)}, ${scoresText(shown, ', ')}, waited ${percent(shown.waitFraction)}, ` +
    `buffer ${buffer(shown)}, teachers ${ready(shown)}/${shown.teachersDesired}${teacherRates(shown)}, ${timeLeft(shown)}`
  );
}

const share = (shown: Shown): number => (shown.steps === 0 ? 0 : shown.step / shown.steps);
const percent = (value: number): string => `${Math.floor(value * 100)} %`;
const count = (value: number): string => Math.round(value).toLocaleString('en');
const decimal = (value: number | null): string => (value === null ? '–' : value.toFixed(3));
const ready = (shown: Shown): number => shown.teachers.filter(({ phase }) => phase === 'Ready').length;
const timeLeft = (shown: Shown): string =>
  shown.secondsLeft === null ? 'time left unknown' : `${duration(shown.secondsLeft)} left`;
const buffer = (shown: Shown): string =>
  `${count(shown.buffer.frames)} frames (${bytes(shown.buffer.bytes)}, window ${count(shown.buffer.window)})`;

function teacherRates(shown: Shown): string {
  if (shown.teachers.length === 0) return '';
  const rates = shown.teachers
    .slice(0, 4)
    .map(({ name, phase, samplesPerSecond }) =>
      phase === 'Ready' ? `${name} ${count(samplesPerSecond)}/s` : `${name} ${phase.toLowerCase()}`,
    );
  const more = shown.teachers.length > 4 ? [`${shown.teachers.length - 4} more`] : [];
  return `: ${[...rates, ...more].join(', ')}`;
}

function disruptions({ disruptions: { teacher, student } }: Shown): string {
  if (teacher + student === 0) return '';
  return `   disruptions: ${teacher} teacher, ${student} student`;
}
