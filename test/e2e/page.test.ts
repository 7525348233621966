// The page of `netsim play` in a real Chromium: what a reader does with it, by mouse and by keyboard.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Browser, chromium, type Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readPcap } from '../../src/observe/pcap.ts';
import { netsim } from '../support/cli.ts';

const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(
  (path) => existsSync(path),
);
const ROOT = join(import.meta.dirname, '../..');
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

describe.skipIf(CHROMIUM === undefined)('the page (needs Chromium)', () => {
  const folder = mkdtempSync(join(tmpdir(), 'netsim-page-'));
  let browser: Browser;
  let sizes: Record<string, number>;

  beforeAll(async () => {
    execFileSync('node', [join(ROOT, 'viz/build.js')]);
    sizes = {
      overlay: await make('overlay', ['overlay-by-hand']),
      lost: await make('lost', ['docker0', 'c1', '172.17.0.99']),
      spanish: await make('spanish', ['overlay-by-hand', '--lang', 'es']),
      hostile: await makeHostile(),
    };
    browser = await chromium.launch({
      executablePath: CHROMIUM ?? '',
      args: ['--no-sandbox', '--disable-gpu'],
    });
  }, 120_000);

  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true });
  });

  async function make(name: string, argv: readonly string[]): Promise<number> {
    const path = join(folder, `${name}.html`);
    const result = await netsim(['play', ...argv, '-o', path]);
    expect(result.stderr).toBe('');
    expect(result.exitCode).toBe(0);
    return readFileSync(path).length;
  }

  async function makeHostile(): Promise<number> {
    const script = join(folder, 'hostile.sh');
    const name = '<script>alert(1)<-script>';
    writeFileSync(
      script,
      `ip netns add '${name}'\nip netns exec '${name}' ip link set lo up\nip netns exec '${name}' ip link add 'x"><img' type dummy\n`,
    );
    return make('hostile', [script, name, '127.0.0.1', '--title', '</script><script>alert(2)//']);
  }

  /** Opens a page; what goes wrong in it, and what it asks for, is kept. */
  async function open(name: string): Promise<{ page: Page; problems: string[] }> {
    const page = await browser.newPage({ viewport: { width: 1400, height: 860 } });
    const problems: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    const address = pathToFileURL(join(folder, `${name}.html`)).href;
    page.on('request', (request) => {
      const url = request.url();
      if (url !== address && !/^(data|blob):/.test(url)) problems.push(`request: ${url}`);
    });
    await page.goto(address);
    await page.waitForSelector('html[data-ready]');
    return { page, problems };
  }

  const position = (page: Page): Promise<string> => page.locator('#position').inputValue();

  it('is small, opens alone and without a complaint', async () => {
    expect(sizes.overlay).toBeLessThan(1_000_000);
    const { page, problems } = await open('overlay');
    expect(await page.title()).toContain('c1 → c2');
    expect(problems).toEqual([]);
    await page.close();
  });

  it('steps forward and back, to the end and to the beginning, by keyboard alone', async () => {
    const { page } = await open('overlay');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowRight');
    expect(await position(page)).toBe('2');
    const second = await page.locator('#caption').textContent();
    await page.keyboard.press('ArrowLeft');
    expect(await position(page)).toBe('1');
    expect(await page.locator('#caption').textContent()).not.toBe(second);
    await page.keyboard.press('ArrowRight');
    expect(await page.locator('#caption').textContent()).toBe(second);
    await page.keyboard.press('End');
    expect(await position(page)).toBe(await page.locator('#position').getAttribute('max'));
    await page.keyboard.press('Home');
    expect(await position(page)).toBe('0');
    await page.keyboard.press('?');
    expect(await page.locator('#keys').isVisible()).toBe(true);
    await page.keyboard.press('Escape');
    await page.keyboard.press('4');
    expect(await page.locator('#panel-ladder').isVisible()).toBe(true);
    await page.close();
  });

  it('plays by itself', async () => {
    const { page } = await open('overlay');
    for (let i = 0; i < 5; i++) await page.keyboard.press('+');
    await page.keyboard.press(' ');
    await expect
      .poll(async () => Number(await position(page)), { timeout: 10_000 })
      .toBeGreaterThan(10);
    await page.keyboard.press(' ');
    const held = await position(page);
    await page.waitForTimeout(120);
    expect(await position(page)).toBe(held);
    await page.close();
  });

  it('takes a packet apart, and marks the bytes of a field', async () => {
    const { page } = await open('overlay');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    const wrapped = await stepUntil(page, 'VXLAN');
    expect(wrapped).toContain('VXLAN');
    await page.locator('.token.current').click();
    const layers = page.locator('#panel-packet summary');
    const titles = await layers.allTextContents();
    expect(titles.filter((title) => title.startsWith('Internet Protocol'))).toHaveLength(2);
    expect(titles.some((title) => title.startsWith('VXLAN, VNI 4097'))).toBe(true);
    const vxlan = layers.filter({ hasText: 'VXLAN, VNI' });
    if (!(await page.locator('#panel-packet li', { hasText: 'VNI: 4097' }).isVisible())) {
      await vxlan.click();
    }
    await page.locator('#panel-packet li', { hasText: 'VNI: 4097' }).hover();
    expect(await page.locator('.bytes .marked').allTextContents()).toEqual(['00', '10', '01']);
    await page.close();
  });

  async function stepUntil(page: Page, text: string): Promise<string> {
    for (let i = 0; i < 200; i++) {
      await page.keyboard.press('ArrowRight');
      const caption = (await page.locator('#caption').textContent()) ?? '';
      if (caption.includes(text)) return caption;
    }
    return '';
  }

  it('shows the tables of a device as they are then', async () => {
    const { page } = await open('overlay');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.locator('#drawing g[data-id]', { hasText: 'br0' }).last().click({ timeout: 5000 });
    const panel = page.locator('#panel-device');
    expect(await panel.locator('h2').textContent()).toContain('br0');
    const before = await panel.locator('table').first().textContent();
    await page.keyboard.press('End');
    expect(await panel.locator('table').first().textContent()).not.toBe(before);
    expect(await panel.locator('summary').allTextContents()).toContainEqual(
      expect.stringContaining('Forwarding table'),
    );
    await page.close();
  });

  it('lists lost packets, each with its reason, and goes there', async () => {
    const { page } = await open('lost');
    await page.keyboard.press('3');
    const buttons = page.locator('#panel-drops button');
    expect(await buttons.count()).toBeGreaterThan(0);
    await buttons.first().click();
    expect(await page.locator('#caption .reason').textContent()).toContain('neighbour-failed');
    expect(await page.locator('.token', { hasText: '✕' }).count()).toBe(1);
    await page.close();
  });

  it('asks before it shows', async () => {
    const { page } = await open('overlay');
    await page.emulateMedia({ reducedMotion: 'reduce' });
    await page.locator('#asks').check();
    await page.locator('#caption').click();
    const choices = page.locator('.choices button');
    for (let i = 0; i < 30 && (await choices.count()) === 0; i++) {
      await page.keyboard.press('ArrowRight');
    }
    expect(await choices.count()).toBe(4);
    const at = await position(page);
    await choices.first().click();
    await page.locator('#panel-questions .next').click();
    expect(Number(await position(page))).toBe(Number(at) + 1);
    expect(await page.locator('.score').textContent()).toMatch(/^[01] \/ 1 /);
    await page.close();
  });

  it('gives the picture, the sequence and the frames away', async () => {
    const { page } = await open('overlay');
    await page.keyboard.press('4');
    const files: Record<string, Buffer> = {};
    for (const id of ['save-svg', 'save-png', 'save-ladder', 'save-pcap']) {
      const waiting = page.waitForEvent('download');
      await page.locator(`#${id}`).click();
      files[id] = readFileSync(await (await waiting).path());
    }
    expect(files['save-svg']?.toString()).toMatch(/^<svg[\s\S]*<\/svg>\s*$/);
    expect(files['save-ladder']?.toString()).toContain('ICMP echo request');
    expect(files['save-png']?.subarray(1, 4).toString()).toBe('PNG');
    const { frames, problem } = readPcap(files['save-pcap'] ?? new Uint8Array());
    expect(problem).toBeNull();
    expect(frames.length).toBeGreaterThan(50);
    await page.close();
  });

  it('has no fault that axe finds, light and dark, in both languages', async () => {
    for (const name of ['overlay', 'spanish']) {
      const { page } = await open(name);
      for (const key of name === 'overlay' ? ['1', '4'] : ['t']) {
        await page.keyboard.press(key);
        await page.evaluate(readFileSync(AXE, 'utf8')); // the page's policy lets no script tag in
        const violations = await page.evaluate(
          'axe.run().then((found) => found.violations.map((each) => each.id + each.nodes[0].html))',
        );
        expect(violations).toEqual([]);
      }
      await page.close();
    }
  });

  it('takes names for text, whatever they say', async () => {
    const { page, problems } = await open('hostile');
    await page.keyboard.press('End');
    for (const key of ['1', '2', '3', '4']) await page.keyboard.press(key);
    expect(await page.locator('h1').textContent()).toBe('</script><script>alert(2)//');
    expect(await page.locator('img').count()).toBe(0);
    expect(problems).toEqual([]);
    await page.close();
  });
});
