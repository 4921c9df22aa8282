/** What `distill fetch` takes from the outside to read a bucket: a worker process, and the variables of AWS. */
import { homedir } from 'node:os';

import type { BucketNeeds } from './cluster/commands.js';
import { readConfig } from './config.js';
import { compiledFolder } from './shared/compile-cache.js';
import { workerScript } from './worker-script.js';

export function bucketNeeds(): BucketNeeds {
  const { workerEnvironment, remote } = readConfig(process.env, homedir, compiledFolder(process.env, homedir));
  return { script: workerScript('fetch/main.js'), environment: workerEnvironment, variables: remote.buckets };
}
