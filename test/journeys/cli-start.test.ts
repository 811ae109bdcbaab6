import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '@kiban/testkit/app'
import { keepSummary } from './the-year.ts'

// `npm start -- --exit` on an empty home: the example lives through its year, and a second start finds everything as it was.

const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'apps/cli/src/main.ts')
const EXAMPLE = join(ROOT, 'examples/flights')
const YEAR_MS = 40 * 60_000

type Answer = { status: number; out: string; err: string }
let home: string
let env: NodeJS.ProcessEnv

function run(program: string, args: readonly string[], folder = ROOT): Promise<Answer> {
  return new Promise((resolve) => {
    execFile(program, args, { env, cwd: folder, maxBuffer: 32 << 20 }, (error, out, err) =>
      resolve({ status: typeof error?.code === 'number' ? error.code : error ? 1 : 0, out, err }),
    )
  })
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'kiban-start-'))
  const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  env = {
    ...process.env,
    KIBAN_HOME: home,
    KIBAN_PORT: String(http),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
  }
})
afterAll(() => rmSync(home, { recursive: true, force: true }))

describe('npm start', () => {
  test(
    'replays the year with the expected figures and ends with status 0',
    async () => {
      const answer = await run(process.execPath, [MAIN, 'start', '--exit'])
      expect(answer.err).toContain('[12/12] trace')
      expect(answer.out).not.toContain('OUTSIDE')
      expect(answer.out).toMatch(/first alert\s+2013-07/)
      expect(answer.out).toMatch(/v3 is\s+refused/)
      expect(answer.out).toMatch(/v4 is\s+rolled_back/)
      expect(answer.status).toBe(0)
      keepSummary(answer.out)
    },
    YEAR_MS,
  )

  test('a second start is up at once and shows the same summary', async () => {
    const startedAt = Date.now()
    const answer = await run(process.execPath, [MAIN, 'start', '--exit'])
    expect(answer.status).toBe(0)
    expect(answer.err).toContain('The year is over')
    expect(answer.out).toMatch(/first alert\s+2013-07/)
    expect(Date.now() - startedAt).toBeLessThan(15_000)
  })

  test('Ctrl-C ends the server that it started', async () => {
    const child = spawn(process.execPath, [MAIN, 'start'], { env, stdio: ['ignore', 'ignore', 'pipe'] })
    await new Promise<void>((resolve) =>
      child.stderr.on('data', (chunk: Buffer) => {
        if (chunk.toString().includes('until Ctrl-C')) resolve()
      }),
    )
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.kill('SIGINT')
    await ended
    const status = await run(process.execPath, [MAIN, 'status'])
    expect(status.status).toBe(1)
  })

  test('the example’s own tests hold in the environment that was built for it', async () => {
    const environments = join(home, 'environments')
    const prefix = readdirSync(environments).find((name) => /^[0-9a-f]{64}$/.test(name))
    expect(prefix).toBeDefined()
    const python = join(environments, prefix ?? '', 'bin', 'python')
    const answer = await run(python, ['-B', '-m', 'unittest', 'test_conversion'], EXAMPLE)
    expect(answer.err).toContain('Ran 3 tests')
    expect(answer.status).toBe(0)
  })
})
