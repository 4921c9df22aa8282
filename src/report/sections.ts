/** The sections of a report that are words and tables. Pure. */
import { demandText, kubernetesTime } from '../api/index.js';
import { ends, linesOf, runningTime } from '../history/index.js';

import { disruptionsOf } from './curves.js';
import type { ReportInput, Trained } from './input.js';
import { type Markup, markup, type Value } from './markup.js';
import { inMetricOrder, metricIsShare, metricLabel } from './metric-names.js';
import { clockText, numberText, shareText } from './ticks.js';

const mostRows = 200;
const dash = '–';

/** The figures of a run that a person asks for first. */
export function factList(input: ReportInput): Markup {
  const { status, history } = input;
  const { progress, usage } = status ?? {};
  const at = history === null ? null : runningTime(history.lines);
  // The teacher is measured after the training.
  const last = history?.lines.findLast(({ kind }) => kind !== 'scores');
  const seconds = at === null ? null : at(last?.t ?? 0);
  const facts: readonly (readonly [string, string | null])[] = [
    ['Steps', progress === undefined ? null : `${numberText(progress.step)} of ${numberText(progress.steps)}`],
    ['Running time', seconds === null ? null : clockText(seconds)],
    ['Disruptions', status?.disruptions === undefined ? null : disruptionText(status.disruptions)],
    ['Slot time of teachers', usage === undefined ? null : clockText(usage.teacherSlotSeconds)],
    ['Slot time of the student', usage === undefined ? null : clockText(usage.studentSlotSeconds)],
    ['Rows replaced', progress?.replacedRows === undefined ? null : numberText(progress.replacedRows)],
    ['Parameters of the student', input.result === null ? null : input.result.parameters.toLocaleString('en')],
  ];
  return markup`<dl class="facts">${facts.map(([name, value]) =>
    value === null ? null : markup`<div><dt>${name}</dt><dd>${value}</dd></div>`,
  )}</dl>`;
}

function disruptionText({ teacher, student }: { readonly teacher: number; readonly student: number }): string {
  return `${String(teacher)} of teachers, ${String(student)} of the student`;
}

/** Teacher, student and baseline beside each other. */
export function resultTable(input: ReportInput): Markup {
  const student = scoresOf(input);
  const baseline = input.baseline === null ? null : scoresOf(input.baseline);
  const teacher = teacherScores(input);
  const columns = [
    ...(teacher.size === 0 ? [] : [['Teacher', teacher] as const]),
    ['Student', student] as const,
    ...(baseline === null ? [] : [['Baseline', baseline] as const]),
  ];
  const names = inMetricOrder([...new Set(columns.flatMap(([, scores]) => [...scores.keys()]))]);
  const missing = teacher.size === 0 ? teacherSentence(input) : null;
  const note = missing === null ? null : markup`<p>${missing}</p>`;
  if (names.length === 0) return markup`<p>Nothing was measured yet.</p>${note}`;
  return markup`${note}<section class="scroll" tabindex="0" aria-label="Scores"><table><caption>Scores${
    baseline === null ? '' : '; the baseline is the same student on labels alone, with the same settings'
  }. A dash: not measured.</caption><thead><tr><th scope="col">Metric</th>${columns.map(
    ([name]) => markup`<th scope="col">${name}</th>`,
  )}</tr></thead><tbody>${names.map(
    (name) =>
      markup`<tr><th scope="row">${metricLabel(name)}</th>${columns.map(
        ([, scores]) => markup`<td>${scoreText(name, scores.get(name))}</td>`,
      )}</tr>`,
  )}</tbody></table></section>`;
}

function teacherScores({ teacher }: ReportInput): ReadonlyMap<string, number> {
  return teacher === null ? new Map() : withAccuracy(teacher.accuracy, new Map(Object.entries(teacher.metrics)));
}

/** Why the table has no column of the teacher; null where that is not known. */
function teacherSentence({ job, teacher, history, isRunning }: ReportInput): string | null {
  if (job.spec.student.loss.softWeight === 0) return 'There is no teacher: the student learns from labels alone.';
  if (teacher !== null) {
    return 'The teacher is not measured by itself, since no labels are held out that it answers. Agreement compares the student with it.';
  }
  if (history === null) return null;
  return isRunning ? 'The teacher is measured after the training.' : 'The teacher was not measured.';
}

function scoresOf({ status, result }: Trained): ReadonlyMap<string, number> {
  const reached = status?.result ?? status?.progress;
  const listed = (reached?.metrics ?? []).map(({ name, value }) => [name, value] as const);
  const named = result?.metrics === undefined ? [] : Object.entries(result.metrics);
  const scores = withAccuracy(reached?.accuracy ?? result?.accuracy ?? null, new Map([...named, ...listed]));
  const loss = reached?.loss ?? result?.loss;
  if (loss !== undefined && loss !== null) scores.set('loss', loss);
  return scores;
}

function withAccuracy(accuracy: number | null, scores: Map<string, number>): Map<string, number> {
  if (accuracy !== null) scores.set('accuracy', accuracy);
  return scores;
}

function scoreText(name: string, value: number | undefined): string {
  if (value === undefined) return dash;
  return metricIsShare(name) ? shareText(value) : numberText(value);
}

/** What disturbed the run, then everything that happened. */
export function eventTables(input: ReportInput): Markup {
  const { history } = input;
  if (history === null) {
    const rows = ends(input.events, mostRows).map(({ t, severity, reason, message }) => [
      when(t),
      severity,
      reason,
      message,
    ]);
    return rows.length === 0
      ? markup`<p>None is known.</p>`
      : wordTable('Events', ['Time (UTC)', 'Severity', 'Reason', 'What happened'], rows);
  }
  const at = runningTime(history.lines);
  const disruptions = disruptionsOf(history);
  const events = linesOf(history.lines, 'event');
  const left = history.head.eventsLeftOut + Math.max(0, events.length - mostRows);
  return markup`${
    disruptions.length === 0
      ? markup`<p>Nothing disturbed the run.</p>`
      : wordTable(
          'Disruptions and resumptions',
          ['Time (UTC)', 'Running time', 'Step', 'What happened'],
          ends(disruptions, mostRows).map(({ t, step, text }) => [when(t), clockText(at(t)), numberText(step), text]),
        )
  }<details><summary>All events (${events.length})</summary>${wordTable(
    `Events${left === 0 ? '' : `; ${String(left)} between the first and the last ones are left out`}`,
    ['Time (UTC)', 'Step', 'Severity', 'Reason', 'What happened'],
    ends(events, mostRows).map(({ t, step, severity, reason, message }) => [
      when(t),
      numberText(step),
      severity,
      reason,
      message,
    ]),
  )}</details>`;
}

/** Every change of the fleet, with its reason. */
export function teacherTable({ history, status }: ReportInput): Markup {
  const changes = history === null ? [] : linesOf(history.lines, 'teachers');
  if (history === null || changes.length === 0) {
    const pools = status?.teachers?.pools ?? [];
    if (pools.length === 0) return markup`<p>No teachers are known.</p>`;
    return wordTable(
      'Teachers now',
      ['Pool', 'Ready', 'Desired', 'Reason', 'Why not more'],
      pools.map(({ name, ready, desired, reason, why = dash }) => [name, ready, desired, demandText(reason), why]),
    );
  }
  const at = runningTime(history.lines);
  return markup`<details><summary>Changes of the fleet (${changes.length})</summary>${wordTable(
    'Teachers by pool, whenever their number or its reason changed',
    ['Running time', 'Pool', 'Ready', 'Desired', 'Reason', 'Why not more'],
    ends(changes, mostRows).map(({ t, pool, ready, desired, reason, why }) => [
      clockText(at(t)),
      pool,
      ready,
      desired,
      demandText(reason),
      why === '' ? dash : why,
    ]),
  )}</details>`;
}

/** Where and with what the run computed. */
export function environmentTables({ history, result, version }: ReportInput): Markup {
  const starts = history === null ? [] : linesOf(history.lines, 'start');
  const runtimes = history === null ? [] : linesOf(history.lines, 'runtime');
  const computed = (result?.computedBy ?? []).slice(0, 64);
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return markup`${
    starts.length === 0
      ? markup`<p>The machines are not known. This report was made by Distillery ${version}.</p>`
      : wordTable(
          'Starts of distill run',
          ['Time (UTC)', 'Distillery', 'Node.js', 'NATS', 'System', 'Processor', 'Memory', 'Slots'],
          starts.map((start) => [
            when(start.t),
            start.distillery,
            start.node,
            start.nats ?? dash,
            `${start.platform} ${start.arch}`,
            `${start.processor}, ${String(start.cores)} cores`,
            gibibytes(start.memoryBytes),
            start.slots,
          ]),
        )
  }${
    runtimes.length === 0
      ? null
      : wordTable(
          'Runtimes that computed the models',
          ['Time (UTC)', 'Who', 'Runtime'],
          runtimes.map(({ t, role, runtime }) => [when(t), role, runtime]),
        )
  }${
    computed.length === 0
      ? null
      : wordTable(
          'Runtimes that trained, from their first step on',
          ['Step', 'Runtime'],
          computed.map(({ step, runtime }) => [numberText(step), runtime]),
        )
  }`;
}

/** What a reader of the result needs to check it. */
export function resultFacts({ status, result, baseline }: ReportInput): Markup {
  const digest = status?.result?.digest ?? result?.digest;
  const early = result?.stoppedEarly;
  const lines: readonly Value[] = [
    digest === undefined ? null : markup`<p>SHA-256 of the weights: <code>${digest}</code></p>`,
    early === undefined
      ? null
      : markup`<p>The training stopped early, by ${early.metric}; ${early.plannedSteps} steps were planned.</p>`,
    result?.onnxLeftOut === undefined ? null : markup`<p>There is no model.onnx: ${result.onnxLeftOut}</p>`,
    result === null || result.skipped === 0 ? null : markup`<p>Steps trained on labels alone: ${result.skipped}.</p>`,
    baseline === null || baseline.status?.phase === 'Succeeded' ? null : markup`<p>The baseline is not finished.</p>`,
  ];
  return markup`${lines}`;
}

function wordTable(caption: string, heads: readonly string[], rows: readonly (readonly Value[])[]): Markup {
  return markup`<section class="scroll" tabindex="0" aria-label="${caption}"><table class="words"><caption>${caption}</caption><thead><tr>${heads.map(
    (head) => markup`<th scope="col">${head}</th>`,
  )}</tr></thead><tbody>${rows.map(
    (row) => markup`<tr>${row.map((cell) => markup`<td>${cell}</td>`)}</tr>
`,
  )}</tbody></table></section>`;
}

function when(t: number): string {
  return kubernetesTime(t).replace('T', ' ').replace('Z', '');
}
