/** The dashboard of the owner of a job: progress, rates, teachers, quality, disruptions and cost. */
import { QueryVariableBuilder, VariableRefresh, VariableSort } from '@grafana/grafana-foundation-sdk/dashboard';

import { curve, led, number, type Page, source, table } from './panels.ts';

const labels = 'namespace="$namespace", name="$name"';
const of = (metric: string): string => `distillery_job_${metric}{${labels}}`;
const now = (metric: string): string => `max(${led(of(metric))})`;
const by = (label: string, metric: string): string => `max by (${label}) (${led(of(metric))})`;
const rate = (metric: string): string => `rate(${of(metric)}[$__rate_interval])`;

function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(source)
    .query(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .sort(VariableSort.AlphabeticalAsc);
}

export const job: Page = {
  uid: 'distillery-job',
  title: 'Distillery job',
  help: 'One DistillJob: how far it is, what its teachers do, and what it has cost.',
  variables: [
    choice('namespace', 'Namespace', 'label_values(distillery_job_phase, namespace)'),
    choice('name', 'Job', 'label_values(distillery_job_phase{namespace="$namespace"}, name)'),
  ],
  rows: [
    {
      title: 'Progress',
      panels: [
        number({
          title: 'Phase',
          help: 'Summary of the conditions of the job.',
          unit: 'short',
          queries: [[by('phase', 'phase'), '{{phase}}']],
          shows: 'legend',
        }),
        number({
          title: 'Progress',
          help: 'Part of the steps that is trained.',
          unit: 'percentunit',
          queries: [[`${now('step')} / ${now('steps')}`, 'trained']],
        }),
        number({
          title: 'Time left',
          help: 'At the present rate.',
          unit: 's',
          queries: [[now('remaining_seconds'), 'left']],
        }),
        number({
          title: 'Teachers',
          help: 'Teachers that are ready.',
          unit: 'short',
          queries: [[`sum(${led(of('teachers_ready'))})`, 'ready']],
        }),
        number({
          title: 'Waiting',
          help: 'Part of its time that the student waits for logits. Above a half, more teachers would help.',
          unit: 'percentunit',
          queries: [[now('wait_ratio'), 'waiting']],
        }),
        number({
          title: 'Cost',
          help: 'Slot-hours used so far: slots held, multiplied by the hours.',
          unit: 'short',
          queries: [[`${by('role', 'slot_seconds_total')} / 3600`, '{{role}}']],
        }),
        table({
          title: 'Conditions',
          help: 'What is true of the job, and why.',
          unit: 'short',
          queries: [[by('type, status, reason', 'condition'), '']],
        }),
        table({
          title: 'Teachers by pool and reason',
          help: 'Why each pool has its number of teachers.',
          unit: 'short',
          queries: [[by('pool, reason', 'pool_info'), '']],
        }),
      ],
    },
    {
      title: 'Rates',
      panels: [
        curve({
          title: 'Training',
          help: 'Samples per second that the student trains, and that it would train without waiting.',
          unit: 'short',
          queries: [
            [now('samples_per_second'), 'trained'],
            [now('unstarved_samples_per_second'), 'without waiting'],
            [`sum(${led(rate('samples_trained_total'))})`, 'trained, without repeated steps'],
          ],
        }),
        curve({
          title: 'Labeling',
          help: 'Samples per second that the teachers label, and that they could label.',
          unit: 'short',
          queries: [
            [by('pool', 'labeled_samples_per_second'), 'labeled, {{pool}}'],
            [by('pool', 'capable_samples_per_second'), 'capable, {{pool}}'],
          ],
        }),
        curve({
          title: 'Wait share',
          help: 'Part of its time that the student waits for logits.',
          unit: 'percentunit',
          queries: [[now('wait_ratio'), 'waiting']],
        }),
        curve({
          title: 'Buffer',
          help: 'Logits frames stored and not yet trained.',
          unit: 'short',
          queries: [[now('buffer_frames'), 'frames']],
        }),
        curve({
          title: 'Stream of logits',
          help: 'Size of the stream, and its limit.',
          unit: 'bytes',
          queries: [
            [now('logits_bytes'), 'stored'],
            [now('logits_limit_bytes'), 'limit'],
          ],
        }),
        curve({
          title: 'Work items',
          help: 'Items that wait for a teacher, and items that a teacher holds.',
          unit: 'short',
          queries: [[by('state', 'work_items'), '{{state}}']],
        }),
      ],
    },
    {
      title: 'Teachers',
      panels: [
        curve({
          title: 'Teachers by pool',
          help: 'Ready, wanted now, and wanted if there were slots for all.',
          unit: 'short',
          queries: [
            [by('pool', 'teachers_ready'), 'ready, {{pool}}'],
            [by('pool', 'teachers_desired'), 'desired, {{pool}}'],
            [by('pool', 'teachers_wanted'), 'wanted, {{pool}}'],
          ],
        }),
        curve({
          title: 'Busy teachers',
          help: 'Part of their time that the teachers of a pool spend in inference.',
          unit: 'percentunit',
          queries: [[by('pool', 'teacher_busy_ratio'), '{{pool}}']],
        }),
        curve({
          title: 'Disruptions',
          help: 'Pods lost: deleted, evicted, drained, preempted or out of memory.',
          unit: 'short',
          queries: [[by('role', 'disruptions_total'), '{{role}}']],
        }),
      ],
    },
    {
      title: 'Quality',
      panels: [
        curve({
          title: 'Loss',
          help: 'Loss of the student at its last reported step.',
          unit: 'short',
          queries: [[now('loss'), 'loss']],
        }),
        curve({
          title: 'Metrics',
          help: 'Agreement with the teacher, and the scores of the last evaluation.',
          unit: 'short',
          queries: [[by('metric', 'quality'), '{{metric}}']],
        }),
        curve({
          title: 'Steps',
          help: 'Steps trained, and the step of the newest stored checkpoint, from which a new student resumes.',
          unit: 'short',
          queries: [
            [now('step'), 'trained'],
            [now('checkpoint_step'), 'checkpoint'],
          ],
        }),
        curve({
          title: 'Faults',
          help: 'Errors of the student, student processes, and work items that no teacher could do.',
          unit: 'short',
          queries: [
            [now('failures_total'), 'errors'],
            [now('attempts_total'), 'attempts'],
            [now('dead_items'), 'dead items'],
          ],
        }),
        curve({
          title: 'Cost',
          help: 'Slot-hours used so far, by role.',
          unit: 'short',
          queries: [[`${by('role', 'slot_seconds_total')} / 3600`, '{{role}}']],
        }),
      ],
    },
  ],
};
