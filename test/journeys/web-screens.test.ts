import { createHash } from 'node:crypto'
import { spawn, spawnSync } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '@kiban/testkit/app'

// The web UI in a real browser against a real server: every screen in both languages and themes, by keyboard, and when things fail.

const ROOT = join(import.meta.dirname, '../..')
const CHROMIUM = '/usr/bin/chromium'
const WCAG = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']
const NOUNS = [
  'datasets',
  'experiments',
  'pipelines',
  'sweeps',
  'environments',
  'models',
  'endpoints',
  'monitors',
  'jobs',
  'audit',
]
const AXE = readFileSync(join(ROOT, 'node_modules/axe-core/axe.min.js'), 'utf8')

let url: string
let home: string
let server: ChildProcess
let browser: Browser
let runId: string

describe.skipIf(!existsSync(CHROMIUM))('the web UI', () => {
  beforeAll(async () => {
    if (!existsSync(join(ROOT, 'apps/web/dist/index.html'))) {
      const built = spawnSync(process.execPath, [join(ROOT, 'node_modules/vite/bin/vite.js'), 'build'], {
        cwd: join(ROOT, 'apps/web'),
        encoding: 'utf8',
      })
      if (built.status !== 0) throw new Error(built.stderr)
    }
    home = mkdtempSync(join(tmpdir(), 'kiban-web-journey-'))
    const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
    url = `http://127.0.0.1:${http}`
    const env = {
      ...process.env,
      KIBAN_HOME: home,
      KIBAN_PORT: String(http),
      KIBAN_GRPC_PORT: String(grpc),
      KIBAN_INFERENCE_PORT: String(inference),
      KIBAN_LOG_LEVEL: 'error',
    }
    server = spawn(process.execPath, [join(ROOT, 'apps/server/src/main.ts')], { env, stdio: 'ignore' })
    await up()
    await seed()
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
    })
  })

  afterAll(async () => {
    await browser?.close()
    const ended = new Promise((resolve) => server.once('exit', resolve))
    server.kill('SIGINT')
    await ended
    rmSync(home, { recursive: true, force: true })
  })

  test.each([
    ['en', 'light'],
    ['en', 'dark'],
    ['ja', 'light'],
    ['ja', 'dark'],
  ])(
    'every screen in %s and %s breaks no accessibility rule, asks no other host, and logs no error',
    async (language, theme) => {
      const found: string[] = []
      const page = await open('/p/web', { language, theme })
      page.on('request', (request) => {
        if (!request.url().startsWith(url)) found.push(`other host: ${request.url()}`)
      })
      page.on('pageerror', (error) => found.push(`error: ${error.message}`))
      page.on('console', (message) => {
        if (message.type() === 'error' && /content security|refused/i.test(message.text())) found.push(message.text())
      })
      const paths = [
        '',
        ...NOUNS.map((noun) => `/${noun}`),
        '/datasets/weather',
        '/datasets/weather?tab=preview',
        `/runs/${runId}`,
        '/experiments/curves',
        '/no-such-page',
      ]
      for (const path of paths) {
        await page.goto(`${url}/p/web${path}`)
        await settled(page)
        for (const broken of await violations(page)) found.push(`${path}: ${broken}`)
      }
      expect(found).toEqual([])
      await page.context().close()
    },
  )

  test('the whole first page is at most 300 KB of script, compressed, and comes compressed', async () => {
    const page = await open('/p/web')
    const scripts = new Set<string>()
    let compressed = true
    page.on('response', (response) => {
      if (!response.url().endsWith('.js')) return
      scripts.add(new URL(response.url()).pathname)
      compressed &&=
        response.headers()['content-encoding'] === 'br' || Number(response.headers()['content-length'] ?? 0) < 1024
    })
    await page.reload()
    await settled(page)
    const bytes = [...scripts].reduce(
      (sum, path) => sum + gzipSync(readFileSync(join(ROOT, 'apps/web/dist', path))).length,
      0,
    )
    expect(scripts.size).toBeGreaterThan(3)
    expect(bytes).toBeLessThan(300 * 1024)
    expect(compressed).toBe(true)
    await page.context().close()
  })

  test('by keyboard alone: go to datasets, move to a row, open it', async () => {
    const page = await open('/p/web')
    await page.keyboard.press('g')
    await page.keyboard.press('d')
    await page.getByRole('heading', { level: 1, name: 'Datasets' }).waitFor()
    await page.getByRole('link', { name: 'weather' }).waitFor()
    await page.keyboard.press('j')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'weather' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/p/web/datasets/weather')
    await page.context().close()
  })

  test('search finds a dataset by a part of its name and opens it', async () => {
    const page = await open('/p/web')
    await page.keyboard.press('Control+k')
    await page.getByRole('combobox').fill('weath')
    await page
      .getByRole('option', { name: /weather/ })
      .first()
      .waitFor()
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { level: 1, name: 'weather' }).waitFor()
    await page.context().close()
  })

  test('the language changes everywhere at once and stays', async () => {
    const page = await open('/p/web/datasets')
    await page.getByRole('button', { name: /Account of/ }).click()
    await page.getByRole('menuitem', { name: '日本語' }).click()
    await page.getByRole('heading', { level: 1, name: 'データセット' }).waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('ja')
    await page.reload()
    await page.getByRole('heading', { level: 1, name: 'データセット' }).waitFor()
    await page.context().close()
  })

  test('a run logged over MLflow’s API shows its curve as a sentence and as a table, every point of it', async () => {
    const page = await open(`/p/web/runs/${runId}`)
    const chart = page.getByRole('img', { name: /loss over 20 points, last 0\.05/ })
    await chart.waitFor()
    await page.getByRole('button', { name: 'as table' }).first().click()
    expect(await page.locator('figure tbody tr').count()).toBe(20)
    await page.context().close()
  })

  test('an address that an MLflow client printed leads to our page of the run', async () => {
    const page = await open(`/#/experiments/1/runs/${runId}`)
    await page.getByRole('heading', { level: 1, name: 'lively' }).waitFor()
    await page.context().close()
  })

  test('a filter that does not parse is refused at the field, in words', async () => {
    const page = await open('/p/web/experiments/curves?q=metrics.loss%20%3E%3E%201')
    const alert = page.getByRole('alert')
    await alert.waitFor()
    expect(await page.getByRole('textbox').getAttribute('aria-invalid')).toBe('true')
    expect((await alert.textContent())?.length).toBeGreaterThan(10)
    await page.context().close()
  })

  test('a project that does not exist says so with code and request id', async () => {
    const page = await open('/p/nowhere')
    await page.getByRole('alert').first().waitFor()
    expect(await page.getByRole('alert').first().textContent()).toMatch(/project_not_found · request req_/)
    await page.context().close()
  })

  test('the tab is part of the address: reload and Back keep it', async () => {
    const page = await open('/p/web/datasets/weather')
    await page.getByRole('link', { name: 'Profile' }).click()
    await page.getByRole('heading', { name: 'Profile of v1' }).waitFor()
    expect(page.url()).toContain('tab=profile')
    await page.reload()
    await page.getByRole('heading', { name: 'Profile of v1' }).waitFor()
    await page.context().close()
  })
})

async function up(): Promise<void> {
  for (let i = 0; i < 300; i++) {
    if (
      await fetch(`${url}/readyz`).then(
        (it) => it.ok,
        () => false,
      )
    )
      return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('the server did not come up')
}

/** A project with one dataset and one run that has a curve, by the public faces only. */
async function seed(): Promise<void> {
  await send('POST', '/api/v1/projects', { name: 'web', title: 'A project for the browser' })
  const file = join(ROOT, 'examples/flights/data/weather-2013-01.parquet')
  const bytes = readFileSync(file)
  const hash = createHash('sha256').update(bytes).digest('hex')
  const put = await fetch(`${url}/api/v1/projects/web/blobs/${hash}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/octet-stream' },
    body: bytes,
  })
  if (!put.ok) throw new Error(await put.text())
  await send('POST', '/api/v1/projects/web/datasets/weather/versions', {
    files: [{ path: 'weather-2013-01.parquet', hash, sizeBytes: statSync(file).size }],
    message: 'January',
  })
  const mlflow = '/api/2.0/mlflow'
  const { experiment_id } = await send('POST', `${mlflow}/experiments/create`, { name: 'curves' })
  const created = (await send('POST', `${mlflow}/runs/create`, {
    experiment_id,
    run_name: 'lively',
    start_time: Date.now(),
  })) as unknown as { run: { info: { run_id: string } } }
  runId = created.run.info.run_id
  const metrics = Array.from({ length: 20 }, (_, step) => ({
    key: 'loss',
    value: 1 / (step + 1),
    step,
    timestamp: Date.now(),
  }))
  await send('POST', `${mlflow}/runs/log-batch`, { run_id: runId, metrics, params: [{ key: 'rate', value: '0.1' }] })
  await send('POST', `${mlflow}/runs/update`, { run_id: runId, status: 'FINISHED', end_time: Date.now() })
}

async function send(method: string, path: string, body: unknown): Promise<Record<string, string>> {
  const response = await fetch(url + path, {
    method,
    headers: { 'content-type': 'application/json', 'x-mlflow-workspace': 'web' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`)
  return (await response.json()) as Record<string, string>
}

async function open(
  path: string,
  as: { language: string; theme: string } = { language: 'en', theme: 'light' },
): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' })
  // Only where nothing is chosen yet, so that a choice made on the page stays.
  await context.addInitScript(`
    localStorage.getItem('kiban-language') ?? localStorage.setItem('kiban-language', '${as.language}')
    localStorage.getItem('kiban-theme') ?? localStorage.setItem('kiban-theme', '${as.theme}')
  `)
  const page = await context.newPage()
  await page.goto(url + path)
  await settled(page)
  return page
}

/** Until the page has its content and no panel is loading; the stream of events keeps the network busy for ever. */
async function settled(page: Page): Promise<void> {
  await page.waitForSelector('main, .hero')
  await page.waitForTimeout(250)
  await page.waitForSelector('[aria-busy=true]', { state: 'detached' })
  await page.waitForTimeout(150)
}

async function violations(page: Page): Promise<string[]> {
  await page.evaluate(AXE)
  // As text: the browser's names are not those of this program.
  const script = `axe.run(document, { runOnly: ${JSON.stringify(WCAG)} })
    .then((result) => result.violations.map((it) => it.id + ': ' + it.nodes[0].html.slice(0, 160)))`
  return page.evaluate<string[]>(script)
}
