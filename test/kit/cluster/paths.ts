/** Paths of the kit: it runs from its source (jest) and from dist (`npm run cluster`), one folder deeper. */
import { extname, join } from 'node:path';

export const repositoryRoot = join(
  import.meta.dirname,
  extname(import.meta.url) === '.ts' ? '../../..' : '../../../..',
);
export const distillJobCrd = join(repositoryRoot, 'crds/distilljobs.yaml');
/** Folder of the build outputs that cluster suites reuse; not under version control. */
export const cacheFolder = join(repositoryRoot, '.cache/cluster');
