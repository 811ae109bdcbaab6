import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { freePort } from '@kiban/testkit/app'

// The command line against a real server that `kiban up` started.

const ROOT = join(import.meta.dirname, '../..')
const MAIN = join(ROOT, 'apps/cli/src/main.ts')
const EXAMPLE = join(ROOT, 'examples/flights')

type Answer = { status: number; out: string; err: string }
let home: string
let up: ChildProcess
let env: NodeJS.ProcessEnv

function kiban(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; folder?: string; input?: string } = {},
): Promise<Answer> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [MAIN, ...args],
      { env: { ...env, ...options.env }, cwd: options.folder ?? ROOT, maxBuffer: 32 << 20 },
      (error, out, err) => resolve({ status: typeof error?.code === 'number' ? error.code : error ? 1 : 0, out, err }),
    )
    child.stdin?.end(options.input ?? '')
  })
}

beforeAll(async () => {
  home = mkdtempSync(join(tmpdir(), 'kiban-cli-journey-'))
  const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  env = {
    ...process.env,
    KIBAN_HOME: home,
    KIBAN_PORT: String(http),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
    KIBAN_LOG_LEVEL: 'error',
  }
  up = spawn(process.execPath, [MAIN, 'up'], { env, stdio: 'ignore' })
  for (let i = 0; i < 200; i++) {
    if ((await kiban(['status'])).status === 0) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Error('kiban up did not come up')
})

afterAll(async () => {
  const ended = new Promise((resolve) => up.once('exit', resolve))
  up.kill('SIGINT')
  await ended
  rmSync(home, { recursive: true, force: true })
})

describe('the command line', () => {
  test('says what the server is, for people and for programs', async () => {
    const text = await kiban(['status'])
    expect(text.out).toContain(`127.0.0.1:${env['KIBAN_PORT']}`)
    const json: unknown = JSON.parse((await kiban(['status', '--json'])).out)
    expect(json).toMatchObject({ home, database: 'sqlite' })
  })

  test('applies a project, plans nothing more, and commits a month that the contract checks', async () => {
    const applied = await kiban(['apply', EXAMPLE])
    expect(applied.err + applied.out).toContain('+ dataset flights')
    expect((await kiban(['plan', EXAMPLE])).out.trim()).toBe('nothing changes')
    const file = join(EXAMPLE, 'data/flights-2013-01.parquet')
    expect(await kiban(['dataset', 'commit', 'flights', file, '-p', 'flights', '-m', 'January'])).toMatchObject({
      status: 0,
    })
    const listed = await kiban(['dataset', 'list', '-p', 'flights', '--json'])
    expect(JSON.parse(listed.out)).toMatchObject({
      datasets: expect.arrayContaining([expect.objectContaining({ name: 'flights', versions: 1 })]),
    })
  })

  test('finds the project by the nearest kiban.yaml', async () => {
    const answer = await kiban(['pipeline', 'list'], { folder: join(EXAMPLE, 'data') })
    expect(answer.out).toContain('train')
  })

  test('names line and column of every fault of a project file', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'kiban-cli-broken-'))
    writeFileSync(
      join(folder, 'kiban.yaml'),
      'kiban: 1\nproject: broken\npipelines:\n  p:\n    steps:\n      a: { run: echo, enviroment: py }\n',
    )
    const answer = await kiban(['apply', folder])
    expect(answer.status).toBe(1)
    expect(answer.err).toMatch(/kiban\.yaml:6:\d+: .*enviroment/)
    expect(answer.err).toContain('environment')
    rmSync(folder, { recursive: true })
  })

  test('keeps a secret’s value out of everything it prints', async () => {
    expect(await kiban(['secret', 'set', 'PW', '-p', 'flights'], { input: 's3cret-value\n' })).toMatchObject({
      status: 0,
    })
    const listed = await kiban(['secret', 'list', '-p', 'flights', '--json'])
    expect(listed.out).toContain('"PW"')
    expect(listed.out).not.toContain('s3cret')
  })

  test('a prediction that does not exist is an error with its id', async () => {
    const answer = await kiban(['trace', 'pred_nothing-0', '-p', 'flights'])
    expect(answer.status).toBe(1)
    expect(answer.err).toContain('pred_nothing-0')
  })

  test.each([
    [['datset', 'list'], /Did you mean dataset/],
    [['dataset', 'commit'], /missing required argument/],
    [['completion', 'tcsh'], /bash, zsh and fish/],
    [['dataset', 'tag', 'flights', 'one', 'x', '-p', 'flights'], /a version is a number/],
  ])('typed wrongly, %j ends with status 2 and says what is wrong', async (args, reason) => {
    const answer = await kiban(args)
    expect(answer.status).toBe(2)
    expect(answer.err).toMatch(reason)
  })

  test('without a server it names the address and the remedy', async () => {
    const answer = await kiban(['status'], { env: { KIBAN_URL: 'http://127.0.0.1:1' } })
    expect(answer.status).toBe(1)
    expect(answer.err).toMatch(/127\.0\.0\.1:1.*kiban up/)
  })

  test('a taken port stops the start before anything long, with the remedy', async () => {
    const holder = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => holder.once('listening', resolve))
    const address = holder.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const empty = mkdtempSync(join(tmpdir(), 'kiban-cli-home-'))
    const answer = await kiban(['start', '--exit'], { env: { KIBAN_HOME: empty, KIBAN_PORT: String(port) } })
    holder.close()
    rmSync(empty, { recursive: true, force: true })
    expect(answer.status).toBe(1)
    expect(answer.err).toMatch(new RegExp(`port ${port}.*KIBAN_PORT`))
  })

  test.each(['bash', 'zsh', 'fish'])('completion for %s knows every noun', async (shell) => {
    const answer = await kiban(['completion', shell])
    for (const word of ['dataset', 'trace', 'rollout']) expect(answer.out).toContain(word)
  })

  test('every command’s help has an example', async () => {
    for (const args of [['run'], ['dataset', 'commit'], ['model', 'promote'], ['start']]) {
      const answer = await kiban([...args, '--help'])
      expect(answer.status).toBe(0)
      expect(answer.out).toContain('Example:')
    }
  })
})
