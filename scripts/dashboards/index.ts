/** The dashboards as files: their JSON by the name of the file in charts/distillery/dashboards. */
import { job } from './job.ts';
import { dashboardOf } from './panels.ts';
import { platform } from './platform.ts';

export function dashboardFiles(): Map<string, string> {
  return new Map([
    ['job.json', `${JSON.stringify(dashboardOf(job), null, 2)}\n`],
    ['platform.json', `${JSON.stringify(dashboardOf(platform), null, 2)}\n`],
  ]);
}
