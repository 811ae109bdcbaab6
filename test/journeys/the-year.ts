import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { freePort } from '@kiban/testkit/app'

const ROOT = join(import.meta.dirname, '../..')
/** One undisturbed year is enough for all journeys of one test run. */
const KEPT = join(ROOT, 'node_modules', '.cache', 'kiban', `year-${process.env['KIBAN_TEST_RUN'] ?? process.ppid}.txt`)

/** Keeps the summary of an undisturbed year for the journeys that compare with it. */
export function keepSummary(summary: string): void {
  mkdirSync(dirname(KEPT), { recursive: true })
  writeFileSync(KEPT, summary)
}

/** The summary of an undisturbed year: the one that was kept, or of a year that is run now. */
export async function summaryOfTheYear(): Promise<string> {
  if (!existsSync(KEPT)) keepSummary(await runYear())
  return readFileSync(KEPT, 'utf8')
}

async function runYear(): Promise<string> {
  const home = mkdtempSync(join(tmpdir(), 'kiban-year-'))
  const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  const env = {
    ...process.env,
    KIBAN_HOME: home,
    KIBAN_PORT: String(http),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
  }
  try {
    return await new Promise((resolve, reject) =>
      execFile(
        process.execPath,
        [join(ROOT, 'apps/cli/src/main.ts'), 'start', '--exit'],
        { cwd: ROOT, env, maxBuffer: 32 << 20 },
        (error, out) => (error ? reject(error) : resolve(out)),
      ),
    )
  } finally {
    rmSync(home, { recursive: true, force: true })
  }
}

/** The lines of the summary table as name and value: columns are two or more spaces apart. */
export function yearFigures(summary: string): [string, string][] {
  const lines = summary.slice(summary.indexOf('FIGURE')).split('\n').slice(1)
  const end = lines.indexOf('')
  return lines.slice(0, end === -1 ? undefined : end).map((line) => {
    const [name = '', value = ''] = line.split(/ {2,}/)
    return [name, value]
  })
}
