// `npm test`: every check and every test. Installs by apt what the tests need from the system (Chromium, PostgreSQL) when it may, and
// says loudly what it left out otherwise; in CI leaving out is a failure. Ends with the line `N passed, N failed, N skipped`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CHECKS, runCheck } from './check.ts'
import { startPostgres } from './test-postgres.ts'

const root = join(import.meta.dirname, '..')
const inCi = process.env.CI === 'true'
const total = { passed: 0, failed: 0, skipped: 0 }
const leftOut: string[] = []

installSystemPackages()
for (const check of CHECKS) {
  const ok = runCheck(check)
  total[ok ? 'passed' : 'failed'] += 1
}
const postgres = startPostgres()
if (!postgres) leaveOut('the store tests on PostgreSQL (package postgresql-15)')
if (!existsSync('/usr/bin/chromium')) leaveOut('the browser tests (package chromium)')
try {
  const env = {
    ...process.env,
    KIBAN_TEST_RUN: String(process.pid),
    ...(postgres ? { KIBAN_TEST_POSTGRES: postgres.url } : {}),
  }
  runVitest('unit', env)
  runVitest('journeys', env)
} finally {
  postgres?.stop()
}
for (const what of leftOut) process.stdout.write(`LEFT OUT: ${what}\n`)
process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`)
process.exitCode = total.failed > 0 || (inCi && total.skipped > 0) ? 1 : 0

function leaveOut(what: string): void {
  leftOut.push(what)
  total.skipped += 1
}

function installSystemPackages(): void {
  const wanted = [
    ...(existsSync('/usr/bin/chromium') ? [] : ['chromium']),
    ...(existsSync('/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc') ? [] : ['fonts-noto-cjk']),
    ...(existsSync('/usr/lib/postgresql') ? [] : ['postgresql-15']),
  ]
  if (wanted.length === 0) return
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) return
  process.stdout.write(`Installing ${wanted.join(', ')} …\n`)
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' }
  spawnSync('apt-get', ['update', '-qq'], { env, stdio: 'ignore' })
  const result = spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...wanted], {
    env,
    encoding: 'utf8',
  })
  if (result.status !== 0)
    process.stdout.write(`apt-get could not install ${wanted.join(', ')}: ${result.stderr.trim().split('\n').at(-1)}\n`)
}

function runVitest(project: string, env: NodeJS.ProcessEnv): void {
  const folder = mkdtempSync(join(tmpdir(), 'kiban-vitest-'))
  const report = join(folder, 'report.json')
  process.stdout.write(`\n— tests: ${project}\n`)
  const result = spawnSync(
    process.execPath,
    [
      join(root, 'node_modules', 'vitest', 'vitest.mjs'),
      'run',
      '--project',
      project,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    { cwd: root, env, stdio: ['ignore', 'inherit', 'inherit'] },
  )
  const counts: unknown = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : {}
  const count = (key: string) =>
    typeof counts === 'object' && counts !== null && key in counts ? Number(counts[key as keyof typeof counts]) : 0
  total.passed += count('numPassedTests')
  total.failed += count('numFailedTests')
  total.skipped += count('numPendingTests') + count('numTodoTests')
  // A file that cannot be loaded has no tests to fail.
  if (result.status !== 0 && count('numFailedTests') === 0) total.failed += 1
  rmSync(folder, { recursive: true, force: true })
}
