import { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

/**
 * Starts Chromium without a window: the one named by CHROMIUM, or Debian's. It is told not to speak to anybody on its own
 * account, so that every request that is seen was made by the page.
 */
export async function openBrowser(): Promise<Browser> {
  const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
  if (!existsSync(executablePath))
    throw new Error(`no browser at ${executablePath}: apt-get install chromium, or name one with CHROMIUM`);
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
