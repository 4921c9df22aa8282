/** Jobs without the newer fields train to the same bits as under former releases: the digests were taken before. */
import { expect, it } from '@jest/globals';
import { digestOf } from '../../../workers/checkpoint/index.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { batchAt, eventfulStudent, optimizerSettings } from './students.js';

it.each([
  { name: 'sgd', teacher: true, want: '2e5ae50dfb47ca4d3fc5492d0c151a7f123a7329b4df2b54dff96df30f2571e0' },
  { name: 'adam', teacher: true, want: '02e55268467084298ddd1f7a8518be6925bbe1fb406c050961af14be6a30dd40' },
  { name: 'adamw', teacher: false, want: '71d727768e68595f31a8c36c31f1f2bc8a49ebbfd08df7de81e20a6eae3c4445' },
] as const)('the weights after 30 steps of $name, with a teacher: $teacher', async ({ name, teacher, want }) => {
  const runtime = await openRuntime('cpu', 'training');
  const student = await runtime.openTrainer({
    modelJson: eventfulStudent(),
    seed: 7,
    loss: { temperature: 4, softWeight: 0.9 },
    optimizer: optimizerSettings({ name, schedule: { name: 'Cosine', warmupSteps: 5, finalFraction: 0.1 } }),
    totalSteps: 30,
  });
  for (let step = 0; step < 30; step++) {
    const batch = batchAt(step);
    student.train(teacher ? batch : { ...batch, teacherLogits: null });
  }
  expect(digestOf(student.state().weights)).toBe(want);
  student.dispose();
});
