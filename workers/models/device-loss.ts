/**
 * The gradient of the loss with respect to the student's logits, in tensors: the formulas of soft-loss.ts and
 * hard-loss.ts in float32. The loss itself is computed from the logits on the host, as everywhere.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { LossSettings } from './loss.js';

export interface DeviceLossInput {
  /** [rows, columns] */
  readonly student: tf.Tensor2D;
  /** [rows, columns] */
  readonly teacher: tf.Tensor2D | null;
  /** Labels [rows] of the kind `class`, else values [rows, columns]. */
  readonly targets: { readonly kind: 'class' | 'classes' | 'values'; readonly values: tf.Tensor } | null;
}

/** @returns d loss / d student, [rows, columns] */
export function lossGradient(
  { student, teacher, targets }: DeviceLossInput,
  { kind = 'KL', temperature, softWeight, labelSmoothing = 0 }: LossSettings,
): tf.Tensor {
  const soft = teacher === null ? 0 : targets === null ? 1 : softWeight;
  const parts: tf.Tensor[] = [];
  if (targets !== null && soft < 1) parts.push(tf.mul(hardGradient(student, targets, labelSmoothing), 1 - soft));
  if (teacher !== null && soft > 0) parts.push(tf.mul(softGradient(kind, student, teacher, temperature), soft));
  return parts.length === 0 ? tf.zerosLike(student) : tf.addN(parts);
}

function hardGradient(
  student: tf.Tensor2D,
  { kind, values }: NonNullable<DeviceLossInput['targets']>,
  labelSmoothing: number,
): tf.Tensor {
  const [rows, columns] = student.shape;
  switch (kind) {
    case 'class': {
      const [on, off] = [1 - labelSmoothing + labelSmoothing / columns, labelSmoothing / columns];
      const labels = tf.oneHot(values, columns, on, off, 'float32');
      return tf.div(tf.sub(tf.softmax(student), labels), rows);
    }
    case 'classes':
      return tf.div(tf.sub(tf.sigmoid(student), values), rows * columns);
    case 'values':
      return tf.div(tf.sub(student, values), rows * columns);
  }
}

function softGradient(
  kind: NonNullable<LossSettings['kind']>,
  student: tf.Tensor2D,
  teacher: tf.Tensor2D,
  temperature: number,
): tf.Tensor {
  const [rows, columns] = student.shape;
  const cooled = (logits: tf.Tensor): tf.Tensor => (temperature === 1 ? logits : tf.div(logits, temperature));
  switch (kind) {
    case 'KL':
      return tf.mul(tf.sub(tf.softmax(cooled(student)), tf.softmax(cooled(teacher))), temperature / rows);
    case 'BinaryCrossEntropy': {
      const difference = tf.sub(tf.sigmoid(cooled(student)), tf.sigmoid(cooled(teacher)));
      return tf.mul(difference, temperature / (rows * columns));
    }
    case 'MSE':
      return tf.div(tf.sub(student, teacher), rows * columns);
    case 'Cosine': {
      const length = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(x), 1, true));
      const [own, target] = [length(student), length(teacher)];
      const cosine = tf.divNoNan(tf.sum(tf.mul(student, teacher), 1, true), tf.mul(own, target));
      const slope = tf.sub(tf.divNoNan(tf.mul(cosine, student), own), tf.divNoNan(teacher, target));
      // A row of zeros on either side has no gradient.
      const both = tf.cast(tf.logicalAnd(tf.greater(own, 0), tf.greater(target, 0)), 'float32');
      return tf.div(tf.mul(tf.divNoNan(slope, own), both), rows);
    }
  }
}
