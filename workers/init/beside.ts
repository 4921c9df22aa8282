/** Settings that Hugging Face's libraries save beside a model. A file that is not what it should be is left out. */
import { dirname, join } from 'node:path';

import { openRegular } from '@distillery/platform';
import { z } from 'zod';

import type { Beside } from '../draft/index.js';

const mostBytes = 8 * 2 ** 20;

const side = z.number().int().min(1).max(4_096);
const numbers = z.array(z.number()).min(1).max(64);
const preprocessorSchema = z.looseObject({
  do_normalize: z.boolean().optional(),
  do_rescale: z.boolean().optional(),
  rescale_factor: z.number().positive().optional(),
  image_mean: numbers.optional(),
  image_std: z.array(z.number().positive()).min(1).max(64).optional(),
  size: z
    .union([side, z.looseObject({ height: side, width: side })])
    .optional()
    .catch(undefined),
  crop_size: z
    .union([side, z.looseObject({ height: side, width: side })])
    .optional()
    .catch(undefined),
});
const configSchema = z.looseObject({ id2label: z.record(z.string(), z.string()).optional() });

/** @param model path of the teacher; its settings lie in its folder, or in the one above */
export async function besideOf(model: string): Promise<Beside> {
  const folders = [dirname(model), dirname(dirname(model))];
  const preprocessor = await firstOf(folders, 'preprocessor_config.json', preprocessorSchema);
  const config = await firstOf(folders, 'config.json', configSchema);
  const classes = config === null ? undefined : classesOf(config.id2label ?? {});
  return {
    ...(preprocessor === null ? {} : picturesOf(preprocessor)),
    ...(classes === undefined ? {} : { classes }),
  };
}

/** Pixels are in [0, 1] before our scale, and from 0 to 255 before theirs. */
const theirs = 255;

function picturesOf(found: z.infer<typeof preprocessorSchema>): Pick<Beside, 'pixels' | 'size'> {
  const scale = found.do_rescale === false ? theirs : theirs * (found.rescale_factor ?? 1 / theirs);
  const { image_mean: mean, image_std: std } = found;
  const isNormalized = found.do_normalize !== false && mean !== undefined && std?.length === mean.length;
  const size = found.crop_size ?? found.size;
  const isPlain = Math.abs(scale - 1) < 1e-6;
  return {
    pixels: { ...(isPlain ? {} : { scale }), ...(isNormalized ? { mean, std } : {}) },
    ...(size === undefined
      ? {}
      : {
          size: typeof size === 'number' ? { height: size, width: size } : { height: size.height, width: size.width },
        }),
  };
}

/** Names in the order of their numbers; undefined where a number is missing, or the names are made up (LABEL_0). */
function classesOf(names: Readonly<Record<string, string>>): readonly string[] | undefined {
  const all = Object.keys(names).map((_, at) => names[String(at)]);
  const known = all.filter((name) => name !== undefined);
  if (all.length === 0 || known.length < all.length || known.every((name) => /^LABEL_\d+$/.test(name)))
    return undefined;
  return known;
}

async function firstOf<Schema extends z.ZodType>(
  folders: readonly string[],
  name: string,
  schema: Schema,
): Promise<z.infer<Schema> | null> {
  for (const folder of folders) {
    const text = await smallText(join(folder, name));
    if (text === null) continue;
    try {
      return schema.parse(JSON.parse(text));
    } catch {
      return null;
    }
  }
  return null;
}

/** null = there is no such file, or none of that size. */
async function smallText(path: string): Promise<string | null> {
  try {
    const file = await openRegular(path);
    try {
      const { size } = await file.stat();
      return size > mostBytes ? null : await file.readFile('utf8');
    } finally {
      await file.close();
    }
  } catch {
    return null;
  }
}
