/** What a figure of the report shows, before it is drawn. */
import { clockText, numberText, shareText } from './ticks.js';
import type { Point } from './thin.js';

export interface Curve {
  readonly name: string;
  /** In the order of x. */
  readonly points: readonly Point[];
  /** `steps`: a value lasts until the next one. */
  readonly shape: 'line' | 'steps';
}

/** What happened at one place of the x axis. */
export interface Mark {
  readonly x: number;
  readonly text: string;
}

/** Why something was as it was, for a stretch of the x axis. */
export interface Band {
  readonly from: number;
  readonly to: number;
  readonly reason: string;
}

/** The bands of one pool. */
export interface Strip {
  readonly name: string;
  readonly bands: readonly Band[];
}

export interface Figure {
  /** Unique in the page; a word of letters and dashes. */
  readonly id: string;
  readonly title: string;
  /** A sentence about what is measured. */
  readonly about: string;
  /** Seconds of running time, or steps of training. */
  readonly x: 'time' | 'step';
  readonly y: 'number' | 'share' | 'count';
  readonly curves: readonly Curve[];
  readonly marks: readonly Mark[];
  readonly strips: readonly Strip[];
}

/** Curves with different lines: colors and dashes of the style sheet. */
export const tones = 6;

export function xText(figure: Pick<Figure, 'x'>, value: number): string {
  return figure.x === 'time' ? clockText(value) : numberText(Math.round(value));
}

export function yText(figure: Pick<Figure, 'y'>, value: number): string {
  return figure.y === 'share' ? shareText(value) : numberText(value);
}
