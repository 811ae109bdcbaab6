// `npm run screenshots`: every screen in two languages and two themes, from the server at KIBAN_URL (default http://127.0.0.1:7300) into
// docs/screens/<screen>.<language>.<theme>.png. `-- overview monitor` takes only those screens.
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { chromium } from 'playwright-core'
import type { BrowserContext } from 'playwright-core'
import { screensOf } from './screens.ts'

const url = (process.env['KIBAN_URL'] ?? 'http://127.0.0.1:7300').replace(/\/$/, '')
const project = process.env['KIBAN_PROJECT'] ?? 'flights'
const folder = join(import.meta.dirname, '..', '..', '..', 'docs', 'screens')
const chrome = process.env['KIBAN_CHROMIUM'] ?? '/usr/bin/chromium'

if (!existsSync(chrome)) throw new Error(`There is no Chromium at ${chrome}: install it, or name it in KIBAN_CHROMIUM.`)
const only = process.argv.slice(2)
const screens = (await screensOf(url, project)).filter((screen) => only.length === 0 || only.includes(screen.name))
mkdirSync(folder, { recursive: true })
const browser = await chromium.launch({
  executablePath: chrome,
  args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking'],
})
for (const language of ['en', 'ja'] as const) {
  for (const theme of ['light', 'dark'] as const) {
    const context = await browser.newContext({
      viewport: { width: 1440, height: 900 },
      reducedMotion: 'reduce',
      locale: language === 'ja' ? 'ja-JP' : 'en-GB',
    })
    await prefer(context, language, theme)
    for (const screen of screens) {
      const page = await context.newPage()
      await page.goto(url + screen.path)
      await page.waitForSelector('main h1')
      // The stream of events never ends, so "network idle" never comes: wait until no panel is loading any more.
      await page.waitForSelector('[aria-busy=true]', { state: 'detached' })
      await page.waitForTimeout(600)
      await page.screenshot({ path: join(folder, `${screen.name}.${language}.${theme}.png`) })
      await page.close()
    }
    await context.close()
    process.stdout.write(`${screens.length} screens, ${language}, ${theme}\n`)
  }
}
await browser.close()

function prefer(context: BrowserContext, language: string, theme: string): Promise<unknown> {
  return context.addInitScript(
    ([chosenLanguage, chosenTheme]) => {
      localStorage.setItem('kiban-language', chosenLanguage!)
      localStorage.setItem('kiban-theme', chosenTheme!)
    },
    [language, theme],
  )
}
