// `node bench/cold-start.ts [rounds]`: from nothing running to the first answer, on an empty home and on a used one, and what the idle
// servers hold. The peer is `mlflow server` with its defaults on a fresh SQLite, in a virtual environment below ~/.cache/kiban-bench.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, mkdirSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { race } from './harness.ts'
import { measureTree, startServer } from './processes.ts'
import type { Server } from './processes.ts'

const IDLE_MS = 10_000
const root = join(import.meta.dirname, '..')
const rounds = Number(process.argv[2] ?? 3)
const port = 20_000 + (process.pid % 20_000)

const MEASURES = [
  { name: 'first start to ready', unit: 's', lessIsBetter: true },
  { name: 'second start to ready', unit: 's', lessIsBetter: true },
  { name: 'CPU to ready', unit: 's', lessIsBetter: true },
  { name: 'idle memory (PSS)', unit: 'MiB', lessIsBetter: true },
  { name: 'processes', unit: '', lessIsBetter: true },
] as const

await race({
  title: 'Cold start',
  measures: MEASURES,
  rounds,
  jsonFile: join(root, 'bench', 'results', 'cold-start.json'),
  contestants: [
    {
      name: 'Kiban',
      run: () => {
        const home = mkdtempSync(join(tmpdir(), 'kiban-bench-'))
        return measure(() =>
          startServer([join(root, 'node_modules', '.bin', 'node'), join(root, 'apps', 'server', 'src', 'main.ts')], {
            url: `http://127.0.0.1:${port}/readyz`,
            env: {
              KIBAN_HOME: home,
              KIBAN_PORT: String(port),
              KIBAN_GRPC_PORT: String(port + 1),
              KIBAN_INFERENCE_PORT: String(port + 2),
            },
            timeoutMs: 60_000,
          }),
        )
      },
    },
    {
      name: 'mlflow server',
      run: () => {
        const folder = mkdtempSync(join(tmpdir(), 'kiban-bench-mlflow-'))
        return measure(() =>
          startServer(
            [
              mlflow(),
              'server',
              '--host',
              '127.0.0.1',
              '--port',
              String(port + 3),
              '--backend-store-uri',
              `sqlite:///${folder}/mlflow.db`,
              '--artifacts-destination',
              folder,
            ],
            {
              url: `http://127.0.0.1:${port + 3}/health`,
              env: {},
              timeoutMs: 300_000,
            },
          ),
        )
      },
    },
  ],
})

async function measure(start: () => Promise<Server>): Promise<Record<string, number>> {
  const first = await start()
  const { cpuSeconds } = measureTree(first.pid)
  await new Promise((resolve) => setTimeout(resolve, IDLE_MS))
  const idle = measureTree(first.pid)
  await first.stop()
  const second = await start()
  await second.stop()
  return {
    'first start to ready': first.readyMs / 1000,
    'second start to ready': second.readyMs / 1000,
    'CPU to ready': cpuSeconds,
    'idle memory (PSS)': idle.pssMib,
    processes: idle.processes,
  }
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
