/** What `weightsManifest` of a tfjs model.json says of one weight. */
import { z } from 'zod';

const bytesOfType = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const;

export const manifestWeightSchema = z.looseObject({
  name: z.string(),
  shape: z.array(z.number().int().min(0)),
  dtype: z.enum(['float32', 'int32', 'bool']),
  quantization: z
    .looseObject({
      dtype: z.enum(['uint8', 'uint16', 'float16']),
      min: z.number().optional(),
      scale: z.number().optional(),
    })
    .optional(),
});

/** Of one number of a weight, as its file stores it. */
export function bytesOfNumber({ dtype, quantization }: z.infer<typeof manifestWeightSchema>): number {
  return bytesOfType[quantization?.dtype ?? dtype];
}
