import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { measureImage, openBrowser } from '../harness/browser.ts';
import { openSite, type Site } from '../harness/server.ts';

// The page of the runtime under test. SCREENSHOTS: a directory in which the pictures are kept.

interface Visit {
  context: BrowserContext;
  page: Page;
  /** Everything that a good page does not do: foreign requests, policy violations, errors in the console. */
  faults: string[];
}

const timeout = 90_000;
let browser: Browser;
let baseUrl: string;
let pictures: string;
let site: Site;

before(async () => {
  browser = await openBrowser();
  pictures = process.env['SCREENSHOTS'] ?? (await mkdtemp(join(tmpdir(), 'swagger-')));
  await mkdir(pictures, { recursive: true });
  site = await openSite();
  baseUrl = (await site.start()).url;
});

after(async () => {
  await browser?.close();
  await site?.close();
  if (process.env['SCREENSHOTS'] === undefined && pictures) await rm(pictures, { recursive: true });
});

async function visit(path: string, colorScheme: 'light' | 'dark' = 'light'): Promise<Visit> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, colorScheme });
  const faults: string[] = [];
  context.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (origin !== new URL(baseUrl).origin && protocol !== 'data:' && protocol !== 'blob:')
      faults.push(`foreign request: ${request.url()}`);
  });
  context.on('response', (response) => {
    if (response.status() >= 400) faults.push(`${response.status()} ${response.url()}`);
  });
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning')
      faults.push(`console ${message.type()}: ${message.text()}`);
  });
  context.on('weberror', (error) => faults.push(`error: ${error.error().message}`));
  await context.exposeFunction('reportViolation', (what: string) => faults.push(`policy: ${what}`));
  await context.addInitScript(() => {
    document.addEventListener('securitypolicyviolation', (event) => {
      const { reportViolation } = globalThis as unknown as { reportViolation(what: string): void };
      reportViolation(`${event.effectiveDirective} ${event.blockedURI}`);
    });
  });
  const page = await context.newPage();
  await page.goto(baseUrl + path);
  return { context, page, faults };
}

function operationLink(page: Page, path: string) {
  return page.locator(`[href$="POST${path}"], [href$="post${path}"]`).first();
}

describe('/swagger in Chromium', () => {
  test('shows the API without a request to anybody else, by day and by night', { timeout }, async () => {
    const colours: number[] = [];
    for (const scheme of ['light', 'dark'] as const) {
      const { context, page, faults } = await visit('/swagger', scheme);
      await page.getByRole('heading', { name: 'CatAtlas API' }).waitFor();
      await operationLink(page, '/entries').waitFor();
      const file = join(pictures, `swagger-${scheme}.png`);
      const { distinctColours, commonest, brightness } = await measureImage(
        browser,
        await page.screenshot({ path: file }),
      );
      assert.ok(distinctColours > 100, `${distinctColours} colours in ${file}: the page is blank`);
      assert.ok(commonest < 0.97, `${commonest} of ${file} is one colour: the page is blank`);
      colours.push(brightness);
      assert.deepEqual(faults, []);
      await context.close();
    }
    const [light, dark] = colours;
    assert.ok(Number(light) > 0.8 && Number(dark) < 0.3, `brightness by day ${light}, by night ${dark}`);
  });

  test('"Test Request" really creates an entry', { timeout }, async () => {
    const { context, page, faults } = await visit('/swagger');
    await operationLink(page, '/entries').click();
    await page
      .getByRole('button', { name: /^Test Request/ })
      .and(page.getByRole('button', { name: /post \/entries\b/i }))
      .click();
    const dialog = page.getByRole('dialog');
    const editor = dialog.locator('.cm-content').first();
    await editor.waitFor();
    const text = `Seen from the documentation, ${crypto.randomUUID()}`;
    await editor.click();
    await page.keyboard.press('ControlOrMeta+A');
    await page.keyboard.insertText(JSON.stringify({ text, nickname: 'Tëst "quoted" 🐈' }));
    const [answer] = await Promise.all([
      page.waitForResponse(
        (response) => response.request().method() === 'POST' && response.url() === `${baseUrl}/entries`,
      ),
      page.keyboard.press('ControlOrMeta+Enter'),
    ]);
    const created = (await answer.json()) as { id: number };
    await dialog.getByText('200 OK').waitFor();
    await page.screenshot({ path: join(pictures, 'swagger-request.png') });

    const entries = (await (await fetch(`${baseUrl}/entries`)).json()) as {
      id: number;
      text: string;
      nickname: string;
    }[];
    const stored = entries.filter((entry) => entry.text === text);
    assert.equal(stored.length, 1);
    assert.equal(stored[0]?.id, created.id);
    assert.equal(stored[0]?.nickname, 'Tëst "quoted" 🐈');
    assert.deepEqual(faults, []);
    await context.close();
  });

  test('is found where clients of the first server look', { timeout }, async () => {
    for (const path of ['/docs', '/redoc']) {
      const { context, page } = await visit(path);
      assert.equal(page.url(), `${baseUrl}/swagger`);
      await context.close();
    }
  });

  test('the page about errors is readable and keeps its own policy', { timeout }, async () => {
    const { context, page, faults } = await visit('/docs/errors#cat_not_found');
    assert.equal(await page.locator('section:target h2 a').textContent(), 'CAT_NOT_FOUND');
    const { distinctColours } = await measureImage(
      browser,
      await page.screenshot({ path: join(pictures, 'errors.png') }),
    );
    assert.ok(distinctColours > 20);
    assert.deepEqual(faults, []);
    await context.close();
  });
});
