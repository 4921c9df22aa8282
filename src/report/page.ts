/**
 * The report of a run as one HTML file. Pure.
 *
 * Invariants:
 *  page/1 The page needs nothing but itself: its policy forbids every request.
 *  page/2 Its size is bounded, however long the run was.
 *  page/3 A page begins as no other file does, so that a later report knows which files it may replace.
 */
import { kubernetesTime } from '../api/index.js';

import { flowFigures, learningFigures } from './curves.js';
import type { Figure } from './figure.js';
import { figureBlock } from './figure-block.js';
import type { ReportInput } from './input.js';
import { Markup, markup } from './markup.js';
import { jobYaml } from './safe-job.js';
import { script } from './script.js';
import { environmentTables, eventTables, factList, resultFacts, resultTable, teacherTable } from './sections.js';
import { stateOf } from './state.js';
import { style } from './style.js';
import { teachersFigure } from './teachers.js';

const sections = [
  ['result', 'Result'],
  ['learning', 'Learning'],
  ['flow', 'Throughput and buffer'],
  ['fleet', 'Teachers'],
  ['events', 'Disruptions and events'],
  ['configuration', 'Configuration'],
  ['environment', 'Environment'],
] as const;

/** More than a status holds. */
const mostNotes = 64;
const longestNote = 1_024;

/** How a report begins; no other file does. */
const start = '<!DOCTYPE html><!-- distill report ';

/** @param beginning the first 64 characters of a file, or more */
export function isReport(beginning: string): boolean {
  return beginning.startsWith(start);
}

/** @param sha256 of a text in UTF-8, as base64 */
export function reportPage(input: ReportInput, sha256: (text: string) => string): string {
  const { job, source, missing, madeAtMs, version } = input;
  const state = stateOf(input);
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${sha256(style)}'`,
    `script-src 'sha256-${sha256(script)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const { name } = job.metadata;
  const notes = (input.status?.notes ?? []).slice(0, mostNotes).map((note) => note.slice(0, longestNote));
  const page = markup`
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${Markup.own(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="Distillery ${version}">
<title>${name}: distillation report</title>
<style>${Markup.own(style)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the result</a>
<header>
<h1>${name} <span class="state ${state.tone}">${state.word}</span></h1>
<p>${state.says}</p>
<p class="soft">From the ${source}. Made ${kubernetesTime(madeAtMs).replace('T', ' ').replace('Z', '')} UTC by Distillery ${version}.</p>
<nav aria-label="Sections"><ul>${sections.map(([id, title]) => markup`<li><a href="#${id}">${title}</a></li>`)}</ul></nav>
</header>
<main id="main">
${missing.map((sentence) => markup`<p class="soft">Not in this report: ${sentence}</p>`)}
${factList(input)}
${section('result')}${resultTable(input)}${resultFacts(input)}${
    notes.length === 0
      ? null
      : markup`<h3>Notes of the processes</h3><ul>${notes.map((note) => markup`<li>${note}</li>`)}</ul>`
  }</section>
${section('learning')}${figures(learningFigures(input))}</section>
${section('flow')}${figures(flowFigures(input))}</section>
${section('fleet')}${figures([teachersFigure(input)])}${teacherTable(input)}</section>
${section('events')}${eventTables(input)}</section>
${section('configuration')}<p class="soft">The job. Values of environment variables and whatever looks like a secret are left out.</p>
<pre tabindex="0">${Markup.lines(jobYaml(job))}</pre></section>
${section('environment')}${environmentTables(input)}</section>
</main>
<footer><p>This file is complete in itself and sends nothing. Curves are thinned: of each stretch its lowest and its highest value stay.</p></footer>
<script>${Markup.own(script)}</script>
</body>
</html>
`;
  const uid = (job.metadata.uid ?? '').replaceAll(/[^\w-]/g, '').slice(0, 63);
  return `${start}${uid} -->${page.text}`;
}

function section(id: (typeof sections)[number][0]): Markup {
  const title = sections.find(([each]) => each === id)?.[1] ?? id;
  return markup`<section id="${id}" aria-labelledby="${id}-heading"><h2 id="${id}-heading">${title}</h2>`;
}

function figures(list: readonly (Figure | null)[]): Markup {
  const blocks = list.map((figure) => (figure === null ? null : figureBlock(figure))).filter((block) => block !== null);
  return blocks.length === 0 ? markup`<p>No curve is known.</p>` : markup`<div class="charts">${blocks}</div>`;
}
