import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Job } from '@kiban/contract/jobs'
import { getManifest, putManifest } from '@kiban/kit/manifests'
import { processStart } from '@kiban/kit/process-identity'
import { startTestApp } from '@kiban/testkit/app'
import { testDatabases } from '@kiban/testkit/database'
import type { TestApp } from '@kiban/testkit/app'
import { access } from '../access/index.ts'
import { audit } from '../audit/index.ts'
import { environments } from '../environments/index.ts'
import { projects } from '../projects/index.ts'
import { secrets } from '../secrets/index.ts'
import { cancelJob, getJob, jobs, readJobLog, submitJob } from './index.ts'
import type { JobSpec, JobView } from './index.ts'
import { markOf } from './process-table.ts'

let app: TestApp
let count = 0

function specOf(change: Partial<JobSpec>): JobSpec {
  count += 1
  const base = {
    project: 'lab',
    name: `job-${count}`,
    owner: { kind: 'test', id: 'one' },
    code: null,
    environmentId: null,
    inputs: {},
    outputs: {},
    params: {},
    env: {},
    runId: null,
  }
  return { ...base, ...change }
}

async function ended(id: string): Promise<JobView> {
  return until(id, (job) => ['succeeded', 'failed', 'cancelled'].includes(job.state))
}

async function until(id: string, holds: (job: JobView) => boolean | Promise<boolean>): Promise<JobView> {
  for (;;) {
    const job = await getJob(app.ctx, id)
    if (await holds(job)) return job
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const run = async (change: Partial<JobSpec>) => ended(await submitJob(app.ctx, specOf(change)))

describe.each(testDatabases())('on $name', (database) => {
  let drop = async () => {}
  beforeAll(async () => {
    const fresh = await database.fresh()
    drop = fresh.drop
    const modules = [projects, access, audit, secrets, environments, jobs]
    app = await startTestApp({ modules, loops: true, databaseUrl: fresh.url })
    const made = await post('/projects', { name: 'lab' })
    expect(made.status).toBeLessThan(300)
  })
  afterAll(async () => {
    await app.close()
    await drop()
  })

  describe('a job that succeeds', () => {
    test('gives its outputs, values and metrics, and what it printed', async () => {
      const code = await putManifest(app.ctx.platform.blobs, [
        {
          path: 'src/step.sh',
          ...(await app.ctx.platform.blobs.put(Buffer.from('cat "$KIBAN_INPUTS/text/a.txt" > "$1/copy.txt"\n'))),
        },
      ])
      const tree = await putManifest(app.ctx.platform.blobs, [
        { path: 'a.txt', ...(await app.ctx.platform.blobs.put(Buffer.from('hello'))) },
      ])
      const job = await run({
        code,
        script:
          'sh src/step.sh "$OUT"\necho 0.25 > "$KIBAN_OUTPUTS/rate"\necho "kiban:metric auc=0.7 step=3"\necho \'{"loss": [3, 2]}\' > outputs/metrics.json\necho "$KIBAN_PARAMS" > outputs/report',
        inputs: { text: { tree }, depth: { value: 4 } },
        params: { rate: 1 },
        env: { OUT: [{ output: 'data' }] },
        outputs: { data: 'dataset', rate: 'float', report: 'file', none: { type: 'file', optional: true } },
      })
      expect(job).toMatchObject({ state: 'succeeded', cause: null, attempt: 1, exitCode: 0 })
      expect(job.outputs['rate']).toEqual({ type: 'float', value: 0.25 })
      expect(Object.keys(job.outputs)).toEqual(['data', 'rate', 'report'])
      const data = job.outputs['data']
      const files = data && 'tree' in data ? await getManifest(app.ctx.platform.blobs, data.tree) : []
      expect(files).toMatchObject([{ path: 'copy.txt', sizeBytes: 5 }])
      expect(job.metrics.map(({ key, value, step }) => [key, value, step])).toEqual([
        ['auc', 0.7, 3],
        ['loss', 3, 0],
        ['loss', 2, 1],
      ])
      expect((await readJobLog(app.ctx, job.id, {})).lines).toEqual(['kiban:metric auc=0.7 step=3'])
      const report = job.outputs['report']
      const [file] = report && 'tree' in report ? await getManifest(app.ctx.platform.blobs, report.tree) : []
      expect(JSON.parse((await app.ctx.platform.blobs.read(file?.hash ?? '')).toString())).toEqual({
        rate: 1,
        depth: 4,
      })
      await until(job.id, () => readdirSync(join(app.home, 'jobs', job.id, '1')).join() === 'control')
    })

    test('sees an environment made from nothing', async () => {
      process.env['SECRET_OF_THE_SERVER'] = 'no'
      const job = await run({ argv: ['env'], runId: 'run1' })
      const { lines } = await readJobLog(app.ctx, job.id, {})
      const names = lines.map((line) => line.split('=')[0])
      expect(names).not.toContain('SECRET_OF_THE_SERVER')
      expect(lines).toContain('OMP_NUM_THREADS=1')
      expect(lines).toContain('OMP_WAIT_POLICY=PASSIVE')
      expect(lines).toContain(`MLFLOW_TRACKING_URI=${app.url}`)
      expect(lines).toContain('MLFLOW_RUN_ID=run1')
      expect(lines.find((line) => line.startsWith('MLFLOW_TRACKING_TOKEN='))).toMatch(/=\*{43}$/)
    })

    test('is the same job when it is submitted again by the same owner', async () => {
      const spec = specOf({ argv: ['true'] })
      expect(await submitJob(app.ctx, spec)).toBe(await submitJob(app.ctx, spec))
    })

    test('finds a Python without any environment', async () => {
      const job = await run({ argv: ['python', '-c', 'import sys; print(sys.version_info[0])'] })
      expect((await readJobLog(app.ctx, job.id, {})).lines).toEqual(['3'])
    })
  })

  describe('a job that fails', () => {
    test('says its exit status and the end of its log', async () => {
      const job = await run({ script: 'echo first; echo "ValueError: wrong" >&2; exit 3' })
      expect(job).toMatchObject({ state: 'failed', cause: 'user_error', exitCode: 3 })
      expect(job.message).toBe('It ended with exit status 3. The log ends with:\nfirst\nValueError: wrong')
    })

    test.each([
      [
        'a missing output',
        { argv: ['true'], outputs: { model: 'model' as const } },
        /output model \(model\) is missing.*output_missing/,
      ],
      [
        'an output of another type',
        { script: 'echo many > outputs/n', outputs: { n: 'int' as const } },
        /declared as int.*"many".*output_type/,
      ],
      ['a linked output', { script: 'ln -s /etc outputs/x', outputs: { x: 'file' as const } }, /output x is a link/],
      [
        'links inside an output',
        { script: 'ln -s /etc/passwd outputs/x/p', outputs: { x: 'folder' as const } },
        /can't be stored: p is not a regular file/,
      ],
      ['a command that is not there', { argv: ['no-such-command'] }, /A command was not found \(exit status 127\)/],
      ['unreadable metrics', { script: 'echo {auc > outputs/metrics.json' }, /metrics.json can't be read/],
      [
        'a parameter that no variable can hold',
        { argv: ['true'], params: 'x'.repeat(200_000) },
        /KIBAN_PARAMS has 200002 bytes/,
      ],
    ])('%s is its own fault and named', async (_name, change, message) => {
      const job = await run(change)
      expect(job).toMatchObject({ state: 'failed', cause: 'user_error' })
      expect(job.message).toMatch(message)
    })

    test('a request that fits on no machine fails at once and says so', async () => {
      const job = await run({ argv: ['true'], resources: { cpu: 5000 } })
      expect(job).toMatchObject({ state: 'failed', attempt: 0 })
      expect(job.message).toMatch(/asks for 5000 CPUs, but the largest machine has/)
    })

    test('is tried again by its rules, with checkpoints kept', async () => {
      const job = await run({
        script:
          'n=$(cat "$KIBAN_CHECKPOINTS/n" 2>/dev/null || echo 0); echo $((n+1)) > "$KIBAN_CHECKPOINTS/n"; [ "$n" = 2 ] || exit 9',
        retry: [{ on: [9], times: 2, delayMs: 0, maxDelayMs: 0 }],
      })
      expect(job).toMatchObject({ state: 'succeeded', attempt: 3 })
    })

    test('over its memory is ended and called out of memory', async () => {
      const job = await run({
        argv: ['python', '-c', 'x = b"x" * 300_000_000; import time; time.sleep(60)'],
        resources: { memoryBytes: 100 * 2 ** 20 },
        retry: [{ on: ['oom'], times: 0 }],
      })
      expect(job).toMatchObject({ state: 'failed', cause: 'oom' })
      expect(job.message).toMatch(/more memory than the 100 MiB/)
    })

    test('that prints without end keeps a bounded log with its last lines', async () => {
      const job = await run({
        script: 'head -c 300000000 /dev/zero | tr "\\0" x; echo; echo last words; sleep 1.1; exit 5',
      })
      expect(job.message).toMatch(/last words$/)
      const { body } = await json(`/projects/lab/jobs/${job.id}`)
      expect(body.attempts?.[0]?.logBytes).toBeLessThan(64 * 2 ** 20)
      expect(body.attempts?.[0]?.logDroppedBytes).toBeGreaterThan(200_000_000)
    })

    test('leaving a daemon behind takes it along', async () => {
      const job = await run({ script: 'setsid sh -c "sleep 300 & sleep 301" & sleep 0.1' })
      expect(job.state).toBe('succeeded')
      await until(job.id, () => living(job.id).length === 0)
    })

    test('over its time is ended and called timeout', async () => {
      const job = await run({ argv: ['sleep', '60'], timeoutMs: 300 })
      expect(job).toMatchObject({ state: 'failed', cause: 'timeout' })
    })
  })

  describe('a cancel', () => {
    test('ends grandchildren, those that ignore TERM and those that left the session', async () => {
      const id = await submitJob(
        app.ctx,
        specOf({
          graceMs: 200,
          script: `trap '' TERM; (trap '' TERM; sleep 300) & setsid sleep 301 & echo $! > $KIBAN_CHECKPOINTS/pid; wait`,
        }),
      )
      const pid = join(app.home, 'jobs', id, 'checkpoints', 'pid')
      await until(id, (job) => job.state === 'running' && existsSync(pid))
      const before = living(id)
      expect(before.length).toBeGreaterThanOrEqual(3)
      await cancelJob(app.ctx, id)
      expect(await ended(id)).toMatchObject({ state: 'cancelled', cause: null })
      await until(id, () => before.every((process) => processStart(process) === undefined))
    })

    test('of a queued job ends it before it starts', async () => {
      const blocker = await submitJob(
        app.ctx,
        specOf({ argv: ['sleep', '60'], resources: { cpu: 100_000 }, priority: -5 }),
      )
      expect((await getJob(app.ctx, blocker)).state).toBe('failed')
      const { cpu } = await capacity()
      const big = await submitJob(app.ctx, specOf({ argv: ['sleep', '60'], resources: { cpu } }))
      await until(big, (job) => job.state === 'running')
      const waiting = await submitJob(app.ctx, specOf({ argv: ['true'], name: 'waiting-one' }))
      expect((await getJob(app.ctx, waiting)).reason).toMatch(/^waits for cpu: \d+ of \d+ in use by job-/)
      const answer = await fetch(`${app.url}/api/v1/projects/lab/jobs/${waiting}/cancel`, { method: 'POST' })
      expect(answer.status).toBe(200)
      expect(await getJob(app.ctx, waiting)).toMatchObject({ state: 'cancelled', attempt: 0 })
      await cancelJob(app.ctx, big)
      expect(await ended(big)).toMatchObject({ state: 'cancelled' })
    })
  })

  describe('over HTTP', () => {
    test('a job that does not exist, or is of another project, is not found', async () => {
      const job = await run({ argv: ['true'] })
      expect(await json('/projects/lab/jobs/job_000')).toMatchObject({
        status: 404,
        body: { error: { code: 'job_not_found' } },
      })
      expect(await json(`/projects/nowhere/jobs/${job.id}`)).toMatchObject({
        status: 404,
        body: { error: { code: 'project_not_found' } },
      })
      expect(await json(`/projects/lab/jobs/${job.id}/log?attempt=7`)).toMatchObject({
        status: 404,
        body: { error: { code: 'job_attempt_not_found' } },
      })
      expect(await json('/projects/lab/jobs?limit=0')).toMatchObject({ status: 400 })
    })

    test('a job shows its attempts and what it used', async () => {
      const job = await run({ argv: ['python', '-c', 'sum(range(3_000_000))'] })
      const { body } = await json(`/projects/lab/jobs/${job.id}`)
      expect(body.attempts).toMatchObject([{ number: 1, state: 'succeeded', exitCode: 0 }])
      expect(body.attempts?.[0]?.usage?.cpuSeconds).toBeGreaterThan(0.02)
      const list = await json('/projects/lab/jobs?limit=2')
      expect(list.body.jobs).toHaveLength(2)
    })

    test('a log is followed to its end', async () => {
      const id = await submitJob(app.ctx, specOf({ script: 'for i in 1 2 3; do echo line $i; sleep 0.2; done' }))
      const text = await (await fetch(`${app.url}/api/v1/projects/lab/jobs/${id}/log/follow`)).text()
      expect(text).toMatch(/event: log\nid: 21\n/)
      for (const line of ['line 1', 'line 2', 'line 3', 'event: end']) expect(text).toContain(line)
      expect(await (await fetch(`${app.url}/api/v1/projects/lab/jobs/${id}/log.txt`)).text()).toBe(
        'line 1\nline 2\nline 3\n',
      )
    })
  })

  describe('secrets', () => {
    const value = 'correct horse'

    test('are there as variables and files, masked in the log while it grows and after, and gone at the end', async () => {
      await put('/projects/lab/secrets/PASS', { value })
      const script =
        'echo "$DB_PASS"; base64 "$KIBAN_SECRETS/PASS"; stat -c %a "$KIBAN_SECRETS/PASS"; read -r x < $KIBAN_CHECKPOINTS/go'
      const id = await submitJob(
        app.ctx,
        specOf({ script: `mkfifo $KIBAN_CHECKPOINTS/go; ${script}`, secretEnv: { DB_PASS: 'PASS' } }),
      )
      const masked = ['*************', '*****************Q==', '400']
      const lines = async () => (await readJobLog(app.ctx, id, {})).lines
      await until(id, async () => (await lines()).length === 3)
      expect(await lines()).toEqual(masked)
      writeFileSync(join(app.home, 'jobs', id, 'checkpoints', 'go'), 'x\n')
      expect(await ended(id)).toMatchObject({ state: 'succeeded' })
      expect(await lines()).toEqual(masked)
      const folder = join(app.home, 'jobs', id, '1')
      expect(readFileSync(join(folder, 'control', 'log'), 'utf8')).not.toContain(value)
      expect(existsSync(join(folder, 'secrets'))).toBe(false)
    })

    test('that do not exist fail the job, named', async () => {
      const job = await run({ argv: ['true'], secretEnv: { X: 'NOPE' } })
      expect(job).toMatchObject({ state: 'failed', cause: 'user_error' })
      expect(job.message).toMatch(/There is no secret NOPE in lab/)
    })
  })
})

async function post(path: string, body: object): Promise<Response> {
  return send('POST', path, body)
}

async function put(path: string, body: object): Promise<Response> {
  return send('PUT', path, body)
}

function send(method: string, path: string, body: object): Promise<Response> {
  const headers = { 'content-type': 'application/json' }
  return fetch(`${app.url}/api/v1${path}`, { method, headers, body: JSON.stringify(body) })
}

async function json(path: string) {
  const answer = await fetch(`${app.url}/api/v1${path}`)
  return {
    status: answer.status,
    body: (await answer.json()) as { error?: { code: string }; jobs?: Job[] } & Partial<Job>,
  }
}

/** The processes that carry the job's mark. */
function living(id: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && markOf(Number(name))?.startsWith(id))
    .map(Number)
}

async function capacity(): Promise<{ cpu: number }> {
  const answer = await fetch(`${app.url}/api/v1/projects/lab/jobs`)
  return ((await answer.json()) as { capacity: { cpu: number } }).capacity
}
