import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { freePort } from '@kiban/testkit/app'
import { summaryOfTheYear, yearFigures } from './the-year.ts'

// The example's year with a server that is killed (-9) again and again, each time at another moment, and started anew: the end must be
// that of an undisturbed year.

const ROOT = join(import.meta.dirname, '../..')
const KILLS = 4
/** The seed decides the moments: seconds after each start. Another one: KIBAN_KILL_SEED=2 npx vitest run test/journeys/kill-example */
const SEED = Number(process.env['KIBAN_KILL_SEED'] ?? 1)
const home = mkdtempSync(join(tmpdir(), 'kiban-killed-'))

afterAll(() => rmSync(home, { recursive: true, force: true }))

test(`a year with ${KILLS} kills of the server ends like a year without`, { timeout: 45 * 60_000 }, async () => {
  const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  const env = {
    ...process.env,
    KIBAN_HOME: home,
    KIBAN_PORT: String(http),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
  }
  let killed = 0
  let out = ''
  for (;;) {
    const attempt = await start(env, killed < KILLS ? momentMs(killed) : undefined)
    out = attempt.out
    if (attempt.killed) killed += 1
    else expect(attempt.status, attempt.err.slice(-2000)).toBe(0)
    if (attempt.status === 0) break
  }
  expect(killed).toBe(KILLS)
  expect(out).not.toContain('OUTSIDE')
  const undisturbed = await summaryOfTheYear()
  expect(yearFigures(out).map(([name]) => name)).toEqual(yearFigures(undisturbed).map(([name]) => name))
  for (const [i, [name, value]] of yearFigures(out).entries()) {
    const expected = yearFigures(undisturbed)[i]?.[1] ?? ''
    const [a, b] = [Number(value), Number(expected)]
    // Which request the canary answers is drawn by the request's id, so a month's figure may move a little; words and counts may not.
    if (Number.isFinite(a) && Number.isFinite(b))
      expect(Math.abs(a - b), `${name}: ${value} against ${expected}`).toBeLessThanOrEqual(0.01)
    else if (!name.includes('→')) expect(value, name).toBe(expected)
  }
})

/** `start --exit`; with a moment, its server is killed then. */
function start(
  env: NodeJS.ProcessEnv,
  killAfterMs: number | undefined,
): Promise<{ status: number; out: string; err: string; killed: boolean }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(ROOT, 'apps/cli/src/main.ts'), 'start', '--exit'], {
      cwd: ROOT,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let out = ''
    let err = ''
    let killed = false
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
    const timer = killAfterMs === undefined ? undefined : setTimeout(() => (killed = killServer()), killAfterMs)
    child.on('close', (code) => {
      clearTimeout(timer)
      resolve({ status: code ?? 1, out, err, killed })
    })
  })
}

function killServer(): boolean {
  try {
    process.kill(Number(readFileSync(join(home, 'run', 'server.pid'), 'utf8')), 'SIGKILL')
    return true
  } catch {
    return false // it was not up yet, or has ended
  }
}

/** Between 8 and 48 s after a start, by a linear congruential generator (Numerical Recipes) of the seed. */
function momentMs(kill: number): number {
  let state = SEED
  for (let i = 0; i <= kill; i++) state = (Math.imul(state, 1664525) + 1013904223) >>> 0
  return 8000 + (state % 40_000)
}
