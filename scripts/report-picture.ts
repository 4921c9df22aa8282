/**
 * Makes docs/pictures/report.webp of a report: in a wide window in light colors, and in a narrow one in dark colors. It needs
 * Chromium (Debian's package `chromium`) on PATH.
 *
 *     node scripts/report-picture.ts RUN/report.html
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import process from 'node:process';

import sharp from 'sharp';

interface Shot {
  readonly width: number;
  readonly height: number;
  readonly colors: 'light' | 'dark';
  /** Of the picture, in pixels. */
  readonly shownWidth: number;
}

const height = 1_190;
const gap = 8;
const shots: readonly Shot[] = [
  { width: 1_280, height: 1_700, colors: 'light', shownWidth: 900 },
  { width: 500, height: 1_600, colors: 'dark', shownWidth: 380 },
];

/** @throws Error when Chromium makes no picture */
function capture(page: string, target: string, { width, height: tall, colors }: Shot): void {
  const { status, error, stderr } = spawnSync(
    'chromium',
    [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--hide-scrollbars',
      `--user-data-dir=${target}.profile`,
      `--blink-settings=preferredColorScheme=${colors === 'dark' ? '0' : '1'}`,
      `--window-size=${String(width)},${String(tall)}`,
      `--screenshot=${target}`,
      `file://${page}`,
    ],
    { encoding: 'utf8' },
  );
  if (error !== undefined || status !== 0) throw new Error(`chromium made no picture. ${error?.message ?? stderr}`);
}

const [report] = process.argv.slice(2);
if (report === undefined) {
  process.stderr.write('usage: node scripts/report-picture.ts RUN/report.html\n');
  process.exit(2);
}
const folder = mkdtempSync(path.join(tmpdir(), 'distill-picture-'));
try {
  let left = 0;
  const parts = [];
  for (const shot of shots) {
    const file = path.join(folder, `${shot.colors}.png`);
    capture(path.resolve(report), file, shot);
    const scaled = await sharp(file).resize({ width: shot.shownWidth }).toBuffer();
    const input = await sharp(scaled).extract({ left: 0, top: 0, width: shot.shownWidth, height }).toBuffer();
    parts.push({ input, left, top: 0 });
    left += shot.shownWidth + gap;
  }
  const target = path.join(import.meta.dirname, '../docs/pictures/report.webp');
  mkdirSync(path.dirname(target), { recursive: true });
  await sharp({ create: { width: left - gap, height, channels: 3, background: '#808080' } })
    .composite(parts)
    .webp({ quality: 75 })
    .toFile(target);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
