/** Metrics, rules and runbooks: what promtool says of them, and that they agree with each other. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';

import { createMetrics, metricDescriptions } from '../../../src/telemetry/index.js';
import { repositoryRoot } from '../../kit/cluster/index.js';
import { type AlertRule, promtool, readAlerts, readRules, rulesFile } from '../../kit/cluster/prometheus.js';
import { buildTools, prometheusTools } from '../../kit/cluster/tools.js';

const runbooks = join(repositoryRoot, 'docs/runbooks');
const unitTests = join(repositoryRoot, 'test/cluster/monitoring/alerts.yaml');
let alerts: readonly AlertRule[];

beforeAll(async () => {
  await buildTools({ groups: [prometheusTools] });
  alerts = await readAlerts();
});

describe('promtool', () => {
  test('finds nothing to say about the metrics, those of the process included', async () => {
    const text = await createMetrics({ processMetrics: true }).registry.metrics();
    expect(await promtool(['check', 'metrics'], text)).toEqual({ code: 0, text: '' });
  });

  test('accepts the rules', async () => {
    const { code, text } = await promtool(['check', 'rules', '--lint=all', '--lint-fatal', rulesFile]);
    expect([code, text]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });

  test('sees every alert fire, and not fire, on series made for it', async () => {
    const { code, text } = await promtool(['test', 'rules', unitTests]);
    expect([code, text]).toEqual([0, expect.stringContaining('SUCCESS')]);
  });
});

test('every alert has a unit test', async () => {
  const text = await readFile(unitTests, 'utf8');
  const tested = new Set(Array.from(text.matchAll(/alertname: (\w+)/g), ([, name]) => name));
  expect([...tested].sort()).toEqual(alerts.map(({ alert }) => alert).sort());
});

test('every alert has a page, every page an alert, and the list of pages has both', async () => {
  const names = alerts.map(({ alert }) => alert).sort();
  const pages = (await readdir(runbooks)).filter((file) => file !== 'README.md').sort();
  expect(pages).toEqual(names.map((name) => `${name}.md`));
  const list = await readFile(join(runbooks, 'README.md'), 'utf8');
  const rows = Array.from(list.matchAll(/^\| \[(\w+)\]\((\w+)\.md\) *\| (\w+)/gm), ([, name, file, severity]) => {
    return { name, file, severity };
  });
  expect(rows.sort((a, b) => (a.name! < b.name! ? -1 : 1))).toEqual(
    alerts
      .map(({ alert, labels }) => ({ name: alert, file: alert, severity: labels.severity }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  );
});

test('every page says meaning, impact, diagnosis and mitigation', async () => {
  for (const { alert } of alerts) {
    const page = await readFile(join(runbooks, `${alert}.md`), 'utf8');
    const titles = Array.from(page.matchAll(/^#+ .*$/gm), ([title]) => title);
    expect(titles).toEqual([`# ${alert}`, '## Meaning', '## Impact', '## Diagnosis', '## Mitigation']);
  }
});

test('every alert says how bad it is, in a sentence and in detail, and where its page is', () => {
  for (const { alert, labels, annotations } of alerts) {
    expect(labels.severity).toMatch(/^(critical|warning)$/);
    expect(annotations.summary).toMatch(/^[A-Z][^{]*\.$/);
    expect(annotations.description).toMatch(/\.$/);
    expect(annotations.runbook_url).toBe(`https://distillery.dev/runbooks/${alert}`);
  }
});

test('rules and runbooks name only metrics that exist', async () => {
  const { groups } = await readRules();
  const known = new Set([
    ...metricDescriptions.map(({ name }) => name),
    ...groups.flatMap(({ rules }) => rules.flatMap((rule) => ('record' in rule ? [rule.record] : []))),
  ]);
  const used = groups.flatMap(({ rules }) =>
    rules.flatMap(({ expr }) => Array.from(expr.matchAll(/[a-z_:]*distillery_[a-z_:0-9]+/g), ([name]) => name)),
  );
  const pages = await Promise.all((await readdir(runbooks)).map((file) => readFile(join(runbooks, file), 'utf8')));
  const named = pages.flatMap((page) => Array.from(page.matchAll(/`(distillery_\w+)/g), ([, name]) => name!));
  expect([...used, ...named].filter((name) => !known.has(name))).toEqual([]);
});
