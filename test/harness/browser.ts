import { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/**
 * The path of a browser of Chromium's family: the one that CHROMIUM names, else one on the PATH, else Debian's; undefined when there is none.
 * Runners of GitHub have Chrome; their `chromium` is a snap, which does not run there.
 */
export function findBrowser(): string | undefined {
  const named = process.env['CHROMIUM'];
  if (named !== undefined) return existsSync(named) ? named : undefined;
  const folders = (process.env['PATH'] ?? '').split(':');
  const paths = ['chromium', 'google-chrome'].flatMap((name) => folders.map((folder) => join(folder, name)));
  return [...paths, '/usr/bin/chromium'].find((path) => existsSync(path));
}

/**
 * Starts Chromium without a window. It is told not to speak to anybody on its own account, so that every request that is seen was
 * made by the page.
 */
export async function openBrowser(): Promise<Browser> {
  const executablePath = findBrowser();
  if (executablePath === undefined) throw new Error('no browser: apt-get install chromium, or name one with CHROMIUM');
  return await chromium.launch({
    executablePath,
    headless: true,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What a picture (PNG) looks like as a whole. */
export interface ImageMeasures {
  distinctColours: number;
  /** The share of the most frequent colour, 0 to 1. */
  commonest: number;
  /** Mean of all channels, 0 (black) to 1 (white). */
  brightness: number;
}

/** Measures a picture, with the browser as the decoder. */
export async function measureImage(browser: Browser, png: Uint8Array): Promise<ImageMeasures> {
  const page = await browser.newPage();
  try {
    return await page.evaluate(async (base64) => {
      const blob = new Blob([Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))]);
      const bitmap = await createImageBitmap(blob);
      const drawing = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      if (!drawing) throw new Error('no canvas');
      drawing.drawImage(bitmap, 0, 0);
      const pixels = new Uint32Array(drawing.getImageData(0, 0, bitmap.width, bitmap.height).data.buffer);
      const counts = new Map<number, number>();
      let sum = 0;
      for (const pixel of pixels) {
        counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
        sum += (pixel & 255) + ((pixel >> 8) & 255) + ((pixel >> 16) & 255);
      }
      return {
        distinctColours: counts.size,
        commonest: Math.max(...counts.values()) / pixels.length,
        brightness: sum / (pixels.length * 3 * 255),
      };
    }, Buffer.from(png).toString('base64'));
  } finally {
    await page.close();
  }
}
