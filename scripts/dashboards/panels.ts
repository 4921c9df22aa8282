/** Panels of the dashboards as data, and the dashboard that is built of them. Grafana's units are named as in its menus. */
import {
  DashboardBuilder,
  DashboardCursorSync,
  type Dashboard,
  DatasourceVariableBuilder,
  type QueryVariableBuilder,
  RowBuilder,
} from '@grafana/grafana-foundation-sdk/dashboard';
import { BigValueTextMode, ReduceDataOptionsBuilder } from '@grafana/grafana-foundation-sdk/common';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as TableBuilder } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries';

/** An expression and the legend of its series. */
export type Query = readonly [expr: string, legend: string];

export interface Panel {
  readonly kind: 'curve' | 'number' | 'table';
  readonly title: string;
  /** What it shows, and what is worth noticing. */
  readonly help: string;
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of a number: the legend instead of the value, for a metric that is always 1. */
  readonly shows?: 'legend';
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Page {
  readonly uid: string;
  readonly title: string;
  readonly help: string;
  readonly variables: readonly QueryVariableBuilder[];
  readonly rows: readonly Row[];
}

/** Every dashboard has this variable: an installation may have several Prometheus servers. */
export const source = { type: 'prometheus', uid: '${source}' } as const;

/** Only figures of the replica that leads. */
export function led(expr: string): string {
  return `${expr} and on (job, instance) (distillery_leader == 1)`;
}

type Draft = Omit<Panel, 'kind'>;
export const curve = (draft: Draft): Panel => ({ kind: 'curve', ...draft });
export const number = (draft: Draft): Panel => ({ kind: 'number', ...draft });
export const table = (draft: Draft): Panel => ({ kind: 'table', ...draft });

/** Grafana's grid has 24 columns. */
const columns = { curve: 8, number: 4, table: 12 } as const;
const heights = { curve: 8, number: 4, table: 8 } as const;

/**
 * In the classic model of dashboards, which every Grafana reads from a file. The second one, which the SDK prefers, needs
 * Grafana 12 and its API.
 */
/* eslint-disable @typescript-eslint/no-deprecated */
export function dashboardOf({ uid, title, help, variables, rows }: Page): Dashboard {
  const builder = new DashboardBuilder(title)
    .uid(uid)
    .description(help)
    .tags(['distillery'])
    .refresh('30s')
    .time({ from: 'now-1h', to: 'now' })
    .timezone('browser')
    .tooltip(DashboardCursorSync.Crosshair)
    .readonly()
    .withVariable(new DatasourceVariableBuilder('source').label('Prometheus').type('prometheus'));
  for (const variable of variables) builder.withVariable(variable);
  let id = 0;
  for (const row of rows) {
    builder.withRow(new RowBuilder(row.title).id(++id));
    for (const panel of row.panels) builder.withPanel(builderOf(panel, ++id));
  }
  return builder.build();
}
/* eslint-enable @typescript-eslint/no-deprecated */

function builderOf(panel: Panel, id: number): StatBuilder | TableBuilder | TimeseriesBuilder {
  const { kind, title, help, unit } = panel;
  const plain = kind === 'curve' ? curveBuilder() : kind === 'number' ? numberBuilder(panel) : new TableBuilder();
  const builder = plain
    .id(id)
    .title(title)
    .description(help)
    .unit(unit)
    .datasource(source)
    .span(columns[kind])
    .height(heights[kind]);
  panel.queries.forEach(([expr, legend], index) => {
    const query = new DataqueryBuilder()
      .expr(expr)
      .legendFormat(legend)
      .datasource(source)
      .refId(String.fromCharCode('A'.charCodeAt(0) + index));
    if (kind === 'curve') query.range();
    else query.instant();
    if (kind === 'table') query.format(PromQueryFormat.Table);
    builder.withTarget(query);
  });
  return builder;
}

function curveBuilder(): TimeseriesBuilder {
  return new TimeseriesBuilder().lineWidth(1).fillOpacity(8).min(0);
}

function numberBuilder({ shows }: Panel): StatBuilder {
  const builder = new StatBuilder().reduceOptions(new ReduceDataOptionsBuilder().calcs(['lastNotNull']));
  return shows === 'legend' ? builder.textMode(BigValueTextMode.Name) : builder;
}
