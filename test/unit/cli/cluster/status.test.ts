/** `distill status`: the page, its data, what a person may not read, and the watch. */
import { describe, expect, test } from '@jest/globals';

import { status, type StatusOptions } from '../../../../src/cli/cluster/status.js';
import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { fakeClusterReader, type SeenObjects } from '../../../kit/cluster-reader.js';
import { studentPod, teacherPod, timeAt } from '../../../kit/kubernetes-objects.js';
import { JobMaker, noonMs } from '../../../kit/snapshots.js';

const condition = (type: string, value: 'True' | 'False', reason: string, message: string): object => ({
  type,
  status: value,
  reason,
  message,
  lastTransitionTime: timeAt(0),
});

const running = new JobMaker()
  .pools({ name: 'gpu', resource: 'nvidia.com/gpu', maxReplicas: 20 })
  .status({
    observedGeneration: 1,
    phase: 'Running',
    conditions: [condition('Accepted', 'True', 'Valid', 'The job is valid and can be run.')] as never,
    progress: {
      step: 120,
      steps: 1_000,
      percent: 12,
      epoch: 2,
      samplesPerSecond: 641.4,
      secondsLeft: 3_725,
      loss: 0.123456,
      accuracy: 0.97,
    },
    buffer: { frames: 412, bytes: 32 * 1024 * 1024, waitFraction: 0.031 },
    teachers: {
      desired: 2,
      ready: 1,
      samplesPerSecond: 700,
      pools: [{ name: 'gpu', desired: 2, ready: 1, reason: 'MatchStudent', wanted: 4, why: '2 of 4: 2 free slots' }],
    },
    attempts: 1,
    disruptions: { teacher: 3, student: 1 },
    usage: { teacherSlotSeconds: 7_200, studentSlotSeconds: 3_600 },
  } as never)
  .change(({ metadata }) => Object.assign(metadata, { creationTimestamp: timeAt(-3_600), managedFields: [{}] })).job;

const event = (
  message: string,
  seconds: number,
  type = 'Normal',
  about: object = { kind: 'DistillJob', name: 'mnist', uid: 'u-1' },
): object => ({
  metadata: { name: message, namespace: 'default', uid: message, resourceVersion: '1' },
  involvedObject: about,
  type,
  reason: 'Test',
  message,
  count: 2,
  lastTimestamp: timeAt(seconds),
});

const seen: SeenObjects = {
  jobs: [running],
  pods: [teacherPod('gpu-0').on('a').ready().raw, studentPod().on('b').ready().raw],
  events: [
    event('second', -10, 'Warning', { kind: 'Pod', name: 'mnist-teacher-gpu-0', uid: 'p' }),
    event('first', -20),
    event('of another', -5, 'Warning', { kind: 'Pod', name: 'mnist2-student-x', uid: 'q' }),
  ],
};

const one: StatusOptions = { job: 'mnist', namespace: 'default', output: 'page', verbose: false, watch: false };

async function shown(objects: SeenObjects, options: Partial<StatusOptions> = {}, color = false): Promise<string> {
  const written: string[] = [];
  const stop = new AbortController();
  let turns = 0;
  const showing = status(
    { ...one, ...options },
    {
      cluster: fakeClusterReader(objects),
      kubectlOptions: ['--context', 'prod'],
      terminal: { isTTY: color, write: (text) => written.push(text) > 0 },
      color,
      clock: {
        now: () => noonMs,
        sleep: () => {
          turns += 1;
          if (turns === 2) stop.abort();
          return Promise.resolve();
        },
      },
      stop: stop.signal,
    },
  );
  // A stop ends a watch, and the command has its exit code.
  await (options.watch === true ? expect(showing).rejects.toThrow('aborted') : showing);
  return written.join('');
}

const red = (text: string): string => `\u001b[31m${text}\u001b[0m`;

describe('the page of a job', () => {
  test('has every section, with what happened and nothing wrong', async () => {
    const page = await shown(seen);
    const titles = ['Job Summary', 'Progress', 'Teachers', 'Pods', 'Streams', 'Result', 'Events'];
    expect(page.split('\n').filter((line) => titles.includes(line))).toEqual(titles);
    expect(page).toMatch(/^Name: +default\/mnist$/m);
    expect(page).toMatch(/^Age: +1:00:00$/m);
    expect(page).toMatch(/^Step: +120 of 1000 \(12 %\), epoch 3$/m);
    expect(page).toMatch(/^Time left: +1:02:05$/m);
    expect(page).toMatch(/^Scores: +accuracy 97\.00 %$/m);
    expect(page).toContain('1 of 2 ready, 700 samples a second');
    expect(page).toMatch(/^gpu +nvidia.com\/gpu +1 +2 +4 +0 +20 +MatchStudent +2 of 4: 2 free slots$/m);
    expect(page).toMatch(/^Stored: +412 frames, 32 MiB$/m);
    expect(page).toMatch(/^Slot hours: +2\.00 of teachers, 1\.00 of the student$/m);
    expect(page).toMatch(/^mnist-student-a +student +b +Ready +0 +1:00$/m);
    expect(page.lastIndexOf('first')).toBeLessThan(page.lastIndexOf('second'));
    expect(page).not.toContain('of another');
    expect(page.endsWith('Nothing is wrong.\n')).toBe(true);
  });

  test('says of what a job does not use that it is not configured', async () => {
    const page = await shown(seen);
    for (const name of ['Queue', 'Start weights', 'Reuse', 'Logits of a job']) {
      expect(page).toMatch(new RegExp(`^${name}: +Not configured$`, 'm'));
    }
  });

  test('ends with what is wrong, in red on a terminal', async () => {
    const failing = new JobMaker(running).change(({ status: now }) => {
      now!.conditions!.push(
        condition('StudentRunning', 'False', 'CannotStart', 'The student cannot start: no image') as never,
      );
      now!.deadItems = { count: 2, lastError: 'no memory' };
    }).job;
    const pods = [teacherPod('gpu-0').waiting('ImagePullBackOff', 'no such tag').raw];
    const page = await shown({ ...seen, jobs: [failing], pods }, {}, true);
    const end = page.slice(page.indexOf('Problems'));
    expect(end.split('\n').slice(1)).toEqual([
      red('StudentRunning: The student cannot start: no image'),
      red('2 dead items; the last error: no memory'),
      red('pod mnist-teacher-gpu-0: ImagePullBackOff: no such tag'),
      '',
    ]);
    const plain = await shown({ ...seen, jobs: [failing], pods });
    expect(plain).not.toContain('\u001b');
  });

  test('never prints what drives a terminal', async () => {
    const page = await shown({ ...seen, events: [event('\u001b[2J gone', 0)] }, {}, true);
    expect(page).toContain(String.raw`\u001b[2J gone`);
  });

  test('has no event of a job whose name begins with its name', async () => {
    const page = await shown({
      ...seen,
      events: [
        event('of its own pod', -10, 'Normal', { kind: 'Pod', name: 'mnist-student-x7k2p', uid: 'p' }),
        event('of another job', -10, 'Normal', { kind: 'DistillJob', name: 'mnist-teacher-2', uid: 'q' }),
        event('of its pod', -10, 'Normal', { kind: 'Pod', name: 'mnist-student-2-student-x7k2p', uid: 'r' }),
      ],
    });
    expect(page).toContain('of its own pod');
    for (const other of ['of another job', 'of its pod']) expect(page).not.toContain(other);
  });

  test('keeps a line break of others within its line: it forges none', async () => {
    const page = await shown({ ...seen, events: [event('out of memory\nProblems\nNothing is wrong.', -10)] });
    expect(page).toMatch(/out of memory Problems Nothing is wrong\.$/m);
    expect(page.split('\n')).not.toContain('Problems');
  });

  test('of a job that no operator has seen says so', async () => {
    const page = await shown({ jobs: [new JobMaker().status(undefined).job] });
    expect(page).toContain('No operator has seen this job yet.');
    expect(page).toMatch(/^Pods\nNone$/m);
  });

  test('names the right that is missing, and shows the rest', async () => {
    const page = await shown({ ...seen, forbidden: ['pods', 'events'] });
    expect(page).toContain('cannot list resource "pods"');
    expect(page).toContain('cannot list resource "events"');
    expect(page).toMatch(/^Step: +120 of 1000/m);
  });
});

test('as JSON and YAML has the job without managed fields, and the problems', async () => {
  const report = JSON.parse(await shown(seen, { output: 'json' })) as {
    job: { metadata: object };
    pods: object[];
    problems: string[];
  };
  expect(report.job.metadata).toMatchObject({ name: 'mnist' });
  expect(report.job.metadata).not.toHaveProperty('managedFields');
  expect(report.pods).toMatchObject([{ role: 'student' }, { role: 'teacher', pool: 'gpu', state: 'Ready' }]);
  expect(report.problems).toEqual([]);
  expect(await shown(seen, { output: 'yaml' })).toMatch(/^job:\n/);
});

test('the watch shows the page again until it is stopped', async () => {
  const pages = await shown(seen, { watch: true }, true);
  expect(pages.split('\u001b[H\u001b[2J').length - 1).toBe(2);
});

test('a job that does not exist is refused, with the command that lists jobs', async () => {
  await expect(shown({ jobs: [] })).rejects.toThrow(
    new CliError('badInput', {
      about: 'job default/mnist',
      problem: 'there is no such DistillJob',
      remedy: 'list the jobs of the namespace with `kubectl --context prod get distilljobs -n default`',
    }),
  );
});
