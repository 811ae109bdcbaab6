// `node bench/tracking.ts [rounds] [runs]`: the MLflow protocol over raw HTTP with keep-alive, against Kiban and against `mlflow server`,
// each on a fresh SQLite, in turn. Times are medians of single requests in milliseconds. The peer is installed as in cold-start.ts.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { median, race } from './harness.ts'
import { startServer } from './processes.ts'
import type { Server } from './processes.ts'

const root = join(import.meta.dirname, '..')
const rounds = Number(process.argv[2] ?? 3)
const runCount = Number(process.argv[3] ?? 10_000)
const port = 20_000 + (process.pid % 20_000)
const CLIENTS = 16

const MEASURES = [
  'create_run',
  'log_metric',
  'log_param',
  'set_tag',
  'log_batch(100)',
  'log_batch(1000)',
  'get_run of 1,000 metric keys',
  'get_history of 20k points',
  'search 100 runs by filter',
  'search 100 runs sorted by metric',
  'search all runs',
  `${CLIENTS} clients, log_batch(10)`,
].map((name) => ({ name, unit: name.includes('clients') ? 'ms a request' : 'ms', lessIsBetter: true }))

await race({
  title: `Tracking over raw HTTP, SQLite, ${runCount} runs`,
  measures: MEASURES,
  rounds,
  jsonFile: join(root, 'bench', 'results', 'tracking.json'),
  contestants: [
    { name: 'Kiban', run: () => measure(startKiban) },
    { name: 'mlflow server', run: () => measure(startMlflow) },
  ],
})

async function startKiban(): Promise<{ server: Server; url: string }> {
  const env = {
    KIBAN_HOME: mkdtempSync(join(tmpdir(), 'kiban-bench-')),
    KIBAN_PORT: String(port),
    KIBAN_GRPC_PORT: String(port + 1),
    KIBAN_INFERENCE_PORT: String(port + 2),
  }
  const argv = [join(root, 'node_modules', '.bin', 'node'), join(root, 'apps', 'server', 'src', 'main.ts')] as const
  const server = await startServer([...argv], { url: `http://127.0.0.1:${port}/readyz`, env, timeoutMs: 60_000 })
  return { server, url: `http://127.0.0.1:${port}` }
}

async function startMlflow(): Promise<{ server: Server; url: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'kiban-bench-mlflow-'))
  const store = ['--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', folder]
  const url = `http://127.0.0.1:${port + 3}`
  const argv = [
    mlflow(),
    'server',
    '--host',
    '127.0.0.1',
    '--port',
    String(port + 3),
    '--workers',
    '1',
    ...store,
  ] as const
  const server = await startServer([...argv], { url: `${url}/health`, env: {}, timeoutMs: 300_000 })
  return { server, url }
}

async function measure(start: () => Promise<{ server: Server; url: string }>): Promise<Record<string, number>> {
  const { server, url } = await start()
  try {
    return await exercise(`${url}/api/2.0/mlflow`)
  } finally {
    await server.stop()
  }
}

async function exercise(api: string): Promise<Record<string, number>> {
  const results: Record<string, number> = {}
  const post = (path: string, body: object) => call(`${api}/${path}`, body)
  const timed = async (name: string, times: number, work: (i: number) => Promise<unknown>) => {
    const taken: number[] = []
    for (let i = 0; i < times; i++) {
      const started = performance.now()
      await work(i)
      taken.push(performance.now() - started)
    }
    results[name] = median(taken) ?? 0
  }
  const newRun = async (experiment: string, tags: object[] = []) => {
    const { run } = (await post('runs/create', { experiment_id: experiment, start_time: 1_700_000_000_000, tags })) as {
      run: { info: { run_id: string } }
    }
    return run.info.run_id
  }
  const points = (count: number, key: (i: number) => string, from = 0) =>
    Array.from({ length: count }, (_, i) => ({
      key: key(i),
      value: Math.sin(from + i),
      timestamp: 1_700_000_000_000 + from + i,
      step: from + i,
    }))
  const { experiment_id: experiment } = (await post('experiments/create', { name: 'bench' })) as {
    experiment_id: string
  }

  await timed('create_run', 100, () => newRun('0'))
  const run = await newRun('0')
  await timed('log_metric', 200, (i) => post('runs/log-metric', { run_id: run, ...points(1, () => 'loss', i)[0] }))
  await timed('log_param', 100, (i) => post('runs/log-parameter', { run_id: run, key: `p${i}`, value: String(i) }))
  await timed('set_tag', 100, (i) => post('runs/set-tag', { run_id: run, key: `t${i % 10}`, value: String(i) }))
  await timed('log_batch(100)', 50, (i) =>
    post('runs/log-batch', { run_id: run, metrics: points(100, () => 'hundred', 100 * i) }),
  )
  await timed('log_batch(1000)', 20, (i) =>
    post('runs/log-batch', { run_id: run, metrics: points(1000, () => 'thousand', 1000 * i) }),
  )
  await timed('get_history of 20k points', 5, () =>
    call(`${api}/metrics/get-history?run_id=${run}&metric_key=thousand&max_results=25000`),
  )
  const wide = await newRun('0')
  await post('runs/log-batch', { run_id: wide, metrics: points(1000, (i) => `k${i}`) })
  await timed('get_run of 1,000 metric keys', 20, () => call(`${api}/runs/get?run_id=${wide}`))

  const started = performance.now()
  await Promise.all(
    Array.from({ length: CLIENTS }, async () => {
      const own = await newRun('0')
      for (let i = 0; i < 20; i++)
        await post('runs/log-batch', { run_id: own, metrics: points(10, (k) => `m${k}`, 10 * i) })
    }),
  )
  results[`${CLIENTS} clients, log_batch(10)`] = (performance.now() - started) / (CLIENTS * 20)

  const fill = async (from: number) => {
    for (let i = from; i < runCount; i += 4) {
      const filled = await newRun(experiment, [{ key: 'team', value: `t${i % 7}` }])
      const params = Array.from({ length: 10 }, (_, p) => ({ key: `p${p}`, value: String((i * 31 + p) % 100) }))
      await post('runs/log-batch', { run_id: filled, params, metrics: points(10, (m) => `m${m}`, i) })
    }
  }
  await Promise.all([0, 1, 2, 3].map(fill))
  const search = (more: object) => post('runs/search', { experiment_ids: [experiment], max_results: 100, ...more })
  await timed('search 100 runs by filter', 5, () => search({ filter: "metrics.m0 > 0.9 and params.p1 = '7'" }))
  await timed('search 100 runs sorted by metric', 5, () => search({ order_by: ['metrics.m3 DESC'] }))
  await timed('search all runs', 2, () => search({ max_results: runCount }))
  return results
}

/** One request over a kept connection; a refusal ends the bench. */
async function call(url: string, body?: object): Promise<unknown> {
  const response = await fetch(
    url,
    body ? { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } } : {},
  )
  const text = await response.text()
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 300)}`)
  return JSON.parse(text)
}

function mlflow(): string {
  const folder = join(homedir(), '.cache', 'kiban-bench', 'mlflow')
  const program = join(folder, 'bin', 'mlflow')
  if (!existsSync(program)) {
    mkdirSync(join(folder, '..'), { recursive: true })
    process.stderr.write('installing mlflow for the comparison …\n')
    spawnSync('python3', ['-m', 'venv', folder], { stdio: 'inherit' })
    const installed = spawnSync(join(folder, 'bin', 'pip'), ['install', '-q', 'mlflow==3.17.2'], { stdio: 'inherit' })
    if (installed.status !== 0) throw new Error('mlflow could not be installed')
  }
  return program
}
