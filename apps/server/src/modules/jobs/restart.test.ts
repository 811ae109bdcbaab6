import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Job, JobLog } from '@kiban/contract/jobs'
import { freePort } from '@kiban/testkit/app'
import type { JobSpec } from './index.ts'
import { listProcesses, markOf, membersOf } from './process-table.ts'

const HARNESS = fileURLToPath(new URL('./restart.harness.ts', import.meta.url))
let home: string
let port: number
let server: ChildProcess

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'kiban-restart-'))
  port = await freePort()
})
afterEach(() => {
  server.kill('SIGKILL')
  rmSync(home, { recursive: true, force: true })
})

test(
  'jobs go on when the server is killed; the next finds them, each counted once, their logs complete',
  { timeout: 60_000 },
  async () => {
    const start = 'echo started >> $KIBAN_CHECKPOINTS/starts\n'
    const specs = [
      spec('long', `${start}for i in $(seq 1 40); do echo tick $i; sleep 0.1; done; echo 7 > outputs/n`, {
        outputs: { n: 'int' },
      }),
      spec('meanwhile', `${start}sleep 1.2; echo done`),
      spec('lost', `${start}[ -e $KIBAN_CHECKPOINTS/second ] && exit 0; touch $KIBAN_CHECKPOINTS/second; sleep 60`, {
        retry: [{ on: ['lost'], times: 1, delayMs: 0, maxDelayMs: 0 }],
      }),
      spec('failing', `${start}sleep 1; echo oh no; exit 4`),
      spec('stopped', `${start}sleep 60`, { timeoutMs: 3000 }),
    ]
    const ids = await startServer(specs)
    const headers = { 'content-type': 'application/json' }
    await fetch(`http://127.0.0.1:${port}/api/v1/projects`, { method: 'POST', headers, body: '{"name":"lab"}' })
    await until(async () => (await Promise.all(ids.map(job))).every((found) => found.state === 'running'))
    await until(async () => existsSync(join(home, 'jobs', ids[2] ?? '', 'checkpoints', 'second')))
    server.kill('SIGKILL')
    await new Promise((resolve) => server.once('exit', resolve))
    // As when the machine had died for this one job: nothing is left of it but its folder.
    const lostPid = Number(readFileSync(join(home, 'jobs', ids[2] ?? '', '1', 'control', 'pid'), 'utf8').split(' ')[0])
    for (const pid of [lostPid, ...membersOf(lostPid, `${ids[2]}/1`)]) process.kill(pid, 'SIGKILL')
    await until(async () => existsSync(join(home, 'jobs', ids[1] ?? '', '1', 'control', 'exit')))

    expect(await startServer(specs)).toEqual(ids)
    await until(async () => (await Promise.all(ids.map(job))).every((found) => found.endedAt !== null))
    const [long, meanwhile, lost, failing, stopped] = await Promise.all(ids.map(job))
    expect(long).toMatchObject({ state: 'succeeded', attempt: 1, outputs: { n: { value: 7 } } })
    expect(meanwhile).toMatchObject({ state: 'succeeded', attempt: 1 })
    expect(lost).toMatchObject({
      state: 'succeeded',
      attempt: 2,
      attempts: [{ state: 'failed', cause: 'lost' }, { state: 'succeeded' }],
    })
    expect(failing).toMatchObject({ state: 'failed', cause: 'user_error', exitCode: 4, attempt: 1 })
    expect(stopped).toMatchObject({ state: 'failed', cause: 'timeout', attempt: 1 })
    const log = await get<JobLog>(`/jobs/${ids[0]}/log`)
    expect(log.lines).toEqual(Array.from({ length: 40 }, (_, i) => `tick ${i + 1}`))
    const starts = ids.map(
      (id) => readFileSync(join(home, 'jobs', id, 'checkpoints', 'starts'), 'utf8').split('\n').length - 1,
    )
    expect(starts).toEqual([1, 1, 2, 1, 1])
    expect(listProcesses().filter((entry) => ids.some((id) => markOf(entry.pid)?.startsWith(id)))).toEqual([])
  },
)

test(
  'an orderly end that is told to end the jobs too leaves none, and the next server starts them again',
  { timeout: 60_000 },
  async () => {
    const script =
      'trap "echo leaving; exit 1" TERM\n[ -e $KIBAN_CHECKPOINTS/half ] && exit 0; touch $KIBAN_CHECKPOINTS/half; sleep 60 & wait'
    const specs = [spec('long', script)]
    const [id = ''] = await startServer(specs, { KIBAN_JOBS_ON_STOP: 'end' })
    await makeProject()
    await until(
      async () => existsSync(join(home, 'jobs', id, 'checkpoints', 'half')) && (await job(id)).state === 'running',
    )
    server.kill('SIGTERM')
    await new Promise((resolve) => server.once('exit', resolve))
    expect(listProcesses().filter((entry) => markOf(entry.pid)?.startsWith(id))).toEqual([])
    await startServer(specs)
    await until(async () => (await job(id)).endedAt !== null)
    expect(await job(id)).toMatchObject({
      state: 'succeeded',
      attempts: [{ cause: 'preempted' }, { state: 'succeeded' }],
    })
  },
)

async function makeProject(): Promise<void> {
  const headers = { 'content-type': 'application/json' }
  await fetch(`http://127.0.0.1:${port}/api/v1/projects`, { method: 'POST', headers, body: '{"name":"lab"}' })
}

function spec(name: string, script: string, change: Partial<JobSpec> = {}): JobSpec {
  const owner = { kind: 'test', id: 'restart' }
  const empty = { code: null, environmentId: null, inputs: {}, outputs: {}, params: {}, env: {}, runId: null }
  return { project: 'lab', name, owner, script, ...empty, resources: { cpu: 0.1, memoryBytes: 2 ** 27 }, ...change }
}

async function startServer(specs: readonly JobSpec[], env: Record<string, string> = {}): Promise<string[]> {
  const file = join(home, 'specs.json')
  writeFileSync(file, JSON.stringify(specs))
  server = spawn(process.execPath, [HARNESS, file], {
    env: { ...process.env, KIBAN_HOME: home, KIBAN_PORT: String(port), ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let text = ''
  server.stdout?.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
  await until(async () => text.includes('submitted ') || server.exitCode !== null)
  const line = text.split('\n').find((candidate) => candidate.startsWith('submitted '))
  if (!line) throw new Error(`the server did not start: ${text}`)
  return JSON.parse(line.slice('submitted '.length)) as string[]
}

function job(id: string): Promise<Job> {
  return get<Job>(`/jobs/${id}`)
}

async function get<T>(path: string): Promise<T> {
  return (await (await fetch(`http://127.0.0.1:${port}/api/v1/projects/lab${path}`)).json()) as T
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 30))
}
