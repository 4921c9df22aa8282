/** The student process: a composition root. */
import { exportInThread, openTrainerThread } from '../compute/index.js';
import { runWorker } from '../process/index.js';

import { runStudent } from './run.js';

await runWorker('student', (context) =>
  runStudent(context, {
    openTrainer: openTrainerThread,
    exportOnnx: exportInThread,
    freeMemory: () => process.availableMemory(),
  }),
);
