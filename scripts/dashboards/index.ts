/** The dashboards as files of the chart: their JSON by path. */
import { job } from './job.ts';
import { dashboardOf, type Page } from './panels.ts';
import { platform } from './platform.ts';

export function dashboardFiles(): Map<string, string> {
  return new Map([
    ['charts/distillery/dashboards/job.json', textOf(job)],
    ['charts/distillery/dashboards/platform.json', textOf(platform)],
  ]);
}

function textOf(page: Page): string {
  return `${JSON.stringify(dashboardOf(page), null, 2)}\n`;
}
