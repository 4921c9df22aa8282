/** A real Prometheus with the rules of the chart, and promtool. Targets are files: an operator that restarts has another port. */
import { spawn } from 'node:child_process';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { parse, stringify } from 'yaml';

import { until } from '../until.js';
import { chartFolder } from './helm.js';
import { freePorts } from './ports.js';
import type { Processes } from './processes.js';
import { buildTools, type ClusterTool, prometheusTools, toolPath } from './tools.js';

export const rulesFile = join(chartFolder, 'rules/distillery.yaml');

export interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}
export interface Rules {
  readonly groups: readonly { readonly name: string; readonly rules: readonly (AlertRule | RecordingRule)[] }[];
}

export async function readRules(): Promise<Rules> {
  return parse(await readFile(rulesFile, 'utf8')) as Rules;
}

export async function readAlerts(): Promise<AlertRule[]> {
  const { groups } = await readRules();
  return groups.flatMap(({ rules }) => rules.filter((rule) => 'alert' in rule));
}

/** Samples that arrive within this time make a rate in a test. */
const shortRange = '20s';

/**
 * The same rules for a test that does not wait: an alert fires at once, and rates over minutes are over seconds. Expressions,
 * thresholds and labels stay.
 */
export function hurried({ groups }: Rules): Rules {
  const hurry = (rule: AlertRule | RecordingRule): AlertRule | RecordingRule => {
    const expr = rule.expr.replaceAll(/\[\d+m\]/g, `[${shortRange}]`);
    return 'alert' in rule ? { ...rule, expr, for: '0s' } : { ...rule, expr };
  };
  return { groups: groups.map((group) => ({ ...group, rules: group.rules.map(hurry) })) };
}

export interface ToolResult {
  readonly code: number | null;
  /** stdout and stderr. */
  readonly text: string;
}

export async function promtool(args: readonly string[], input = ''): Promise<ToolResult> {
  return said('promtool', args, input);
}

/** @param input its standard input */
export async function said(tool: ClusterTool, args: readonly string[], input: string): Promise<ToolResult> {
  const child = spawn(toolPath(tool), args, { stdio: 'pipe' });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stdin.end(input);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  return { code, text: Buffer.concat(chunks).toString() };
}

export interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}
export interface FiringAlert {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly description: string;
}

export interface Prometheus {
  /** Scrapes these targets from now on: HOST:PORT by the value of `instance`. */
  scrape(targets: Readonly<Record<string, string>>): Promise<void>;
  /** The result of an instant query. @throws Error with the words of Prometheus when the query is wrong */
  query(expression: string): Promise<Series[]>;
  /** Trace ids of the exemplars of a metric. */
  traceIds(metric: string): Promise<string[]>;
  /** Alerts that fire now. */
  firing(): Promise<FiringAlert[]>;
}

interface Answer<T> {
  readonly status: string;
  readonly error?: string;
  readonly data: T;
}

interface FoundSeries {
  readonly metric: Readonly<Record<string, string>>;
  /** Time and value. */
  readonly value: readonly [number, string];
}
interface FoundAlert {
  readonly state: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** Scrapes and evaluates every second. It ends with `processes`. */
export async function startPrometheus(processes: Processes, folder: string, rules: Rules): Promise<Prometheus> {
  await buildTools({ groups: [prometheusTools] });
  const home = join(folder, 'prometheus');
  await mkdir(home, { recursive: true });
  const at = (name: string): string => join(home, name);
  const [port = 0] = await freePorts(1);
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yaml'],
    scrape_configs: [
      {
        job_name: 'distillery',
        honor_labels: true,
        file_sd_configs: [{ files: ['targets.json'], refresh_interval: '1s' }],
      },
    ],
  };
  await writeFile(at('rules.yaml'), stringify(rules));
  await writeFile(at('targets.json'), '[]');
  await writeFile(at('prometheus.yaml'), stringify(configuration));
  const kept = await processes.start({
    name: 'prometheus',
    command: toolPath('prometheus'),
    args: [
      `--config.file=${at('prometheus.yaml')}`,
      `--storage.tsdb.path=${at('data')}`,
      `--web.listen-address=127.0.0.1:${String(port)}`,
      '--enable-feature=exemplar-storage',
      '--log.level=warn',
    ],
  });
  const ask = async <T>(path: string): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${String(port)}/api/v1/${path}`);
    const { status, error = '', data } = (await answer.json()) as Answer<T>;
    if (status !== 'success') throw new Error(`Prometheus: ${path}: ${error}`);
    return data;
  };
  await until(
    'Prometheus to serve',
    () =>
      fetch(`http://127.0.0.1:${String(port)}/-/ready`).then(
        ({ ok }) => ok,
        () => false,
      ),
    () => kept.lastWords(),
  );
  return {
    scrape: async (targets) => {
      const entries = Object.entries(targets).map(([instance, target]) => {
        return { targets: [target], labels: { instance } };
      });
      // Whole or not at all: Prometheus watches the file.
      await writeFile(at('targets.new'), JSON.stringify(entries));
      await rename(at('targets.new'), at('targets.json'));
    },
    query: async (expression) => {
      const { result } = await ask<{ result: FoundSeries[] }>(`query?query=${encodeURIComponent(expression)}`);
      return result.map(({ metric, value }) => ({ labels: metric, value: Number(value[1]) }));
    },
    traceIds: async (metric) => {
      const end = Date.now() / 1_000;
      const range = `start=${String(end - 600)}&end=${String(end)}`;
      const found = await ask<{ exemplars: { labels: { trace_id: string } }[] }[]>(
        `query_exemplars?query=${encodeURIComponent(metric)}&${range}`,
      );
      return found.flatMap(({ exemplars }) => exemplars.map(({ labels }) => labels.trace_id));
    },
    firing: async () => {
      const { alerts } = await ask<{ alerts: FoundAlert[] }>('alerts');
      return alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels: { alertname = '', ...labels }, annotations }) => {
          return { name: alertname, labels, description: annotations.description ?? '' };
        });
    },
  };
}

/** Waits until an alert fires with these labels. */
export async function untilFiring(
  prometheus: Prometheus,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<FiringAlert> {
  const wanted = (alert: FiringAlert): boolean =>
    alert.name === name && Object.entries(labels).every(([label, value]) => alert.labels[label] === value);
  let found: FiringAlert | undefined;
  await until(
    `${name} to fire`,
    async () => {
      found = (await prometheus.firing()).find(wanted);
      return found !== undefined;
    },
    async () => JSON.stringify(await prometheus.firing()),
  );
  return found!;
}

/** Waits until no alert of this name fires. */
export async function untilQuiet(prometheus: Prometheus, name: string): Promise<void> {
  await until(`${name} to end`, async () => (await prometheus.firing()).every((alert) => alert.name !== name));
}
