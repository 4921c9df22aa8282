/**
 * The cost of a killed teacher: the real student process on the MNIST example, a real nats-server, and n teacher processes
 * as remote devices of a fixed service time, of which one after the other is killed in the middle of an item.
 *
 *   npm run bench kill -- --kills 5
 */
import { ackWaitMs } from '@distillery/protocol';

import { type Fleet, type Kill, KillTrial } from './kill-trial.js';
import type { StepReport } from './reports.js';
import { longestPauseMs, repeatedOrLost, type Stretch, waitShare } from './steps.js';
import { type BenchOptions, type BenchTable, median } from './table.js';

type Row = BenchTable['rows'][number];

interface Case extends Fleet {
  readonly name: string;
}

const cases: readonly Case[] = [
  caseOf('Σ teachers = 1.5 × student', { teachers: 4, stepMs: 50, load: 1.5 }),
  caseOf('Σ teachers = 1.5 × student', { teachers: 8, stepMs: 50, load: 1.5 }),
  caseOf('Σ of all but one = 1.05 × student', { teachers: 4, stepMs: 50, load: (1.05 * 4) / 3 }),
  caseOf('Σ of all but one = 1.05 × student', { teachers: 8, stepMs: 50, load: (1.05 * 8) / 7 }),
];
/**
 * An item takes longer than the heartbeat time and than the buffer target. Measured in parallel with the others: its steps
 * and items are rare.
 */
const longCase = caseOf('long items, Σ teachers = 1.5 × student', { teachers: 8, stepMs: 1_000, load: 1.5 });

/** @param load rate of all teachers together, as a multiple of the student's */
function caseOf(name: string, fleet: { teachers: number; stepMs: number; load: number }): Case {
  const { teachers, stepMs, load } = fleet;
  return { name, teachers, stepMs, serviceMs: Math.floor((teachers * stepMs) / load) };
}

export async function killBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const kills = Number(options.kills ?? 2);
  const inTurn = async (): Promise<Row[]> => {
    const rows: Row[] = [];
    for (const each of cases) rows.push(await rowOf(each, kills, say));
    return rows;
  };
  const [rows, longRow] = await Promise.all([inTurn(), rowOf(longCase, kills, say)]);
  return {
    name: 'kill',
    goal: 'items redelivered within the heartbeat time, no student waits',
    rows: [...rows, longRow],
  };
}

async function rowOf({ name, ...fleet }: Case, count: number, say: (line: string) => void): Promise<Row> {
  const { teachers, stepMs, serviceMs } = fleet;
  const trial = await KillTrial.start(fleet);
  try {
    const kills: Kill[] = [];
    for (let index = 0; index < count; index++) {
      const kill = await trial.killOne(index);
      kills.push(kill);
      const waited = waitShare(trial.steps, kill.killed).toFixed(3);
      say(
        `${name}, n = ${String(teachers)}: redelivered after ${seconds(kill.redeliveredAfterMs)} s, waited ${waited}`,
      );
    }
    const end = await trial.end();
    const times = { 'step, s': seconds(stepMs), 'item, s': seconds(serviceMs) };
    return { case: name, n: teachers, ...times, ...measuresOf(kills, trial.steps, end) };
  } finally {
    await trial.close();
  }
}

function measuresOf(kills: readonly Kill[], steps: readonly StepReport[], end: number): Row {
  const redelivered = kills.map(({ redeliveredAfterMs }) => redeliveredAfterMs);
  const undisturbed = kills.map((kill) => kill.undisturbed);
  const killed = kills.map((kill) => kill.killed);
  const waited = (stretches: readonly Stretch[]): string =>
    median(stretches.map((stretch) => waitShare(steps, stretch))).toFixed(3);
  const pause = (stretches: readonly Stretch[]): number =>
    Math.round(Math.max(...stretches.map((stretch) => longestPauseMs(steps, stretch))));
  return {
    kills: kills.length,
    'heartbeat time, s': ackWaitMs / 1_000,
    'buffer at the kill, s': median(kills.map(({ bufferSeconds }) => bufferSeconds)).toFixed(1),
    'redelivered after, median … worst s': `${seconds(median(redelivered))} … ${seconds(Math.max(...redelivered))}`,
    'share waited, undisturbed': waited(undisturbed),
    'one killed': waited(killed),
    'longest pause, undisturbed ms': pause(undisturbed),
    'one killed, ms': pause(killed),
    'steps trained': end,
    'repeated or lost': repeatedOrLost(steps, end),
  };
}

function seconds(ms: number): string {
  return (ms / 1_000).toFixed(2);
}
