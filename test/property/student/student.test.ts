/**
 * I1 against fakes: a student that is stopped or killed at random moments, its teachers losing things meanwhile, ends with
 * the weights, metrics and result of one that ran undisturbed. The weights are a hash chain of all that was trained.
 */
import { randomFrom } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { WorkerError } from '../../../workers/base/exit.js';
import { StudentHome } from '../../kit/student-home.js';
import { type Answer, manifestWith } from '../../kit/worker-fakes.js';

const jobs = fc.record({
  samples: fc.integer({ min: 2, max: 40 }),
  batchSize: fc.integer({ min: 1, max: 8 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  everySteps: fc.integer({ min: 1, max: 9 }),
  keep: fc.integer({ min: 1, max: 3 }),
  everyEpochs: fc.integer({ min: 1, max: 2 }),
  teacherSamples: fc.constantFrom(0, 3, 50),
  softWeight: fc.constantFrom(0, 0.5, 1),
  window: fc.integer({ min: 1, max: 8 }),
  test: fc.integer({ min: 1, max: 1_200 }),
});
const ends = fc.array(fc.record({ how: fc.constantFrom('stop', 'kill'), afterMs: fc.nat({ max: 900 }) }), {
  maxLength: 5,
});

describe('a student that is stopped and killed', () => {
  test('ends with the result of an undisturbed one', async () => {
    await fc.assert(
      fc.asyncProperty(
        jobs,
        ends,
        fc.nat(),
        async ({ samples, test: testSamples, window, ...job }, interruptions, seed) => {
          const homeWith = (answer: () => Answer): StudentHome =>
            new StudentHome({ manifest: manifestWith(job), samples, test: testSamples, answer });
          const undisturbed = homeWith(() => ({ afterMs: 1 }));
          const calm = await undisturbed.attempt({ window });
          await undisturbed.finish(calm);
          expect(calm.trainer.steps).toEqual(Array.from({ length: undisturbed.schedule.steps }, (_, step) => step));

          const random = randomFrom(seed);
          const faults = ['none', 'none', 'lostItem', 'undelivered', 'deliveredTwice'] as const;
          const home = homeWith(() => ({ afterMs: random.below(60), fault: faults[random.below(faults.length)]! }));
          for (const { how, afterMs } of interruptions) {
            const attempt = await home.attempt({ window });
            const ended = attempt.student.run().then(
              () => 'done',
              (error: unknown) => (error instanceof WorkerError ? error.reason : error),
            );
            await home.clock.pass(afterMs);
            if (how === 'kill') attempt.kill();
            else {
              attempt.stop();
              expect(['stopped', 'done']).toContain(await home.clock.run(ended));
            }
          }
          await home.finish(await home.attempt({ window }));
          expect(home.results.files).toEqual(undisturbed.results.files);
        },
      ),
      { numRuns: 120 },
    );
  });
});
