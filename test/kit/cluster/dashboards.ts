/** The dashboards of the chart, and their queries as Grafana sends them. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { until } from '../until.js';
import { chartFolder } from './helm.js';
import type { Prometheus } from './prometheus.js';

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly datasource: { readonly uid: string } }[];
}
interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string }[] };
}
/** One query of one panel. */
interface PanelQuery {
  readonly dashboard: string;
  readonly panel: string;
  readonly expr: string;
}

export const dashboardFolder = join(chartFolder, 'dashboards');

/** In the order of the names of their files. */
export async function readDashboards(): Promise<Dashboard[]> {
  const files = (await readdir(dashboardFolder)).sort();
  return Promise.all(
    files.map(async (file) => JSON.parse(await readFile(join(dashboardFolder, file), 'utf8')) as Dashboard),
  );
}

export function queriesOf(dashboards: readonly Dashboard[]): PanelQuery[] {
  return dashboards.flatMap(({ title, panels }) =>
    panels.flatMap((panel) =>
      (panel.targets ?? []).map(({ expr }) => ({ dashboard: title, panel: panel.title, expr })),
    ),
  );
}

/** Waits until a query has data about this job. */
export async function hasData(
  prometheus: Prometheus,
  { panel, expr }: PanelQuery,
  job: { readonly namespace: string; readonly name: string },
): Promise<void> {
  const query = expr
    .replaceAll('$namespace', job.namespace)
    .replaceAll('$name', job.name)
    // Since the first scrape.
    .replaceAll('$__rate_interval', '1h');
  await until(`data of ${panel}: ${query}`, async () =>
    (await prometheus.query(query)).some(({ value }) => !Number.isNaN(value)),
  );
}
