/** One sound example of each format, in a folder or under the name `sound`. */
import { idx } from '../../unit/data/idx-files.js';
import type { Content } from '../../unit/tables/in-folder.js';
import { npy, npz } from '../../unit/tables/numpy-arrays.js';
import { member, tar } from '../../unit/tables/tar-files.js';

export const samples: Readonly<Record<string, Readonly<Record<string, Content>>>> = {
  npy: { sound: npy('four dimensions') },
  'column-major npy': { sound: npy('column-major') },
  'npy of texts': { sound: npy('texts in rows') },
  'stored npz': { sound: npz('stored') },
  'compressed npz': { sound: npz('compressed') },
  idx: { sound: idx([3, 2, 2], [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 255]) },
  tar: { sound: tar(member('a.x', 'one'), member('b.x', 'two'), member('a.y', 'three'), member('d/c.z', '')) },
  images: { 'sound/a/1.png': 'one', 'sound/a/2.png': 'two', 'sound/b/1.jpg': 'three', 'sound/x.webp': '' },
  files: { 'sound/a/1': 'one', 'sound/2.TXT': 'two', 'sound/.b': '' },
};
