import { spawn } from 'node:child_process'
import { appendFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdir, open, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { constants } from 'node:os'
import { join } from 'node:path'
import type { EnvironmentError, EnvironmentPackage } from '@kiban/contract/environments'
import { processStart } from '@kiban/kit/process-identity'
import { runProcess } from '@kiban/kit/subprocess'
import type { EnvironmentPlan } from './environment-plan.ts'
import { lockHashOf } from './environment-plan.ts'
import { explainFailure } from './explain-failure.ts'
import { findUv } from './find-uv.ts'

export type Built = {
  readonly lockHash: string
  readonly packages: readonly EnvironmentPackage[]
  readonly builder: 'uv' | 'pip'
  readonly sizeBytes: number
}
export type BuildResult =
  | { readonly ok: true; readonly built: Built }
  | { readonly ok: false; readonly error: EnvironmentError }

const LONGEST_MS = 30 * 60_000
/** Written last: a folder without it is half built. */
const MARKER = 'kiban-environment.json'

export type EnvironmentPaths = { readonly prefix: string; readonly log: string; readonly pid: string }

export function environmentPaths(home: string, specHash: string): EnvironmentPaths {
  const prefix = join(home, 'environments', specHash)
  return { prefix, log: `${prefix}.log`, pid: `${prefix}.pid` }
}

/** Whether this home has the environment, complete. */
export function isBuilt(home: string, specHash: string): boolean {
  return existsSync(join(environmentPaths(home, specHash).prefix, MARKER))
}

/**
 * Makes a virtual environment at its final place (scripts in it name their interpreter by path, so it can't be moved there) and marks it
 * complete at the end. One that is complete already is taken as it is; a half-built one, and a builder left over from a killed server,
 * are removed first.
 */
export async function buildEnvironment(
  home: string,
  specHash: string,
  plan: EnvironmentPlan,
  signal?: AbortSignal,
): Promise<BuildResult> {
  const paths = environmentPaths(home, specHash)
  const complete = await readMarker(paths)
  if (complete) return { ok: true, built: complete }
  endLeftOver(paths)
  await rm(paths.prefix, { recursive: true, force: true })
  await mkdir(join(home, 'environments'), { recursive: true, mode: 0o700 })
  await writeFile(paths.log, '', { mode: 0o600 })
  const say = (line: string) => appendFileSync(paths.log, `${line}\n`)
  say(`Python ${plan.python.version} (${plan.python.executable}), ${plan.lines.length} requirements`)
  const env = builderEnv(home)
  const uv = await findUv(home, plan.python.executable, env, say)
  for (const argv of await stepsOf(paths, plan, uv)) {
    say(`$ ${argv.join(' ')}`)
    const exit = await runLogged(paths, argv, env, signal)
    if (exit !== 'exit status 0') {
      const log = await readFile(paths.log, 'utf8')
      await rm(paths.prefix, { recursive: true, force: true })
      return { ok: false, error: explainFailure(log, exit) }
    }
  }
  const packages = await installedPackages(paths.prefix)
  const built: Built = {
    lockHash: lockHashOf(plan, packages),
    packages,
    builder: uv ? 'uv' : 'pip',
    sizeBytes: await sizeOfFolder(paths.prefix),
  }
  await writeFile(join(paths.prefix, `${MARKER}.new`), JSON.stringify(built))
  await rename(join(paths.prefix, `${MARKER}.new`), join(paths.prefix, MARKER))
  say(`Ready: ${packages.length} packages, ${Math.round(built.sizeBytes / 2 ** 20)} MiB`)
  return { ok: true, built }
}

async function stepsOf(paths: EnvironmentPaths, plan: EnvironmentPlan, uv: string | undefined): Promise<string[][]> {
  const { prefix } = paths
  const requirements = `${prefix}.txt`
  const constraints = `${prefix}.constraints.txt`
  await writeFile(requirements, [...plan.options, ...plan.lines, ''].join('\n'))
  await writeFile(constraints, [...plan.constraints, ''].join('\n'))
  const files = ['-r', requirements, ...(plan.constraints.length > 0 ? ['-c', constraints] : [])]
  const hashed = plan.lines.length > 0 && plan.lines.every((line) => line.includes('--hash='))
  const install = [...files, ...(hashed ? ['--require-hashes'] : [])]
  const python = join(prefix, 'bin', 'python')
  if (uv) {
    const make = [uv, 'venv', '--no-project', '--python', plan.python.executable, prefix]
    return plan.lines.length === 0 ? [make] : [make, [uv, 'pip', 'install', '--python', python, ...install]]
  }
  const make = [plan.python.executable, '-m', 'venv', prefix]
  return plan.lines.length === 0
    ? [make]
    : [make, [python, '-m', 'pip', 'install', '--disable-pip-version-check', '--no-input', ...install]]
}

/** Runs one command in a session of its own with its output in the log; its id is written down so that a later server can end it. */
async function runLogged(
  paths: EnvironmentPaths,
  argv: readonly string[],
  env: Readonly<Record<string, string>>,
  signal?: AbortSignal,
): Promise<string> {
  const log = await open(paths.log, 'a')
  try {
    return await new Promise<string>((resolve) => {
      const child = spawn(argv[0] ?? '', argv.slice(1), { env, detached: true, stdio: ['ignore', log.fd, log.fd] })
      const end = () => endGroup(child.pid)
      const timer = setTimeout(end, LONGEST_MS)
      signal?.addEventListener('abort', end, { once: true })
      if (child.pid !== undefined) writeFileSync(paths.pid, `${child.pid} ${processStart(child.pid) ?? '-'}`)
      const done = (result: string) => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', end)
        resolve(result)
      }
      child.once('error', (error) => {
        appendFileSync(paths.log, `${error.message}\n`)
        done(error.message)
      })
      child.once('exit', (code, name) => done(name === null ? `exit status ${code}` : `signal ${name}`))
    })
  } finally {
    await log.close()
    await rm(paths.pid, { force: true })
  }
}

function endLeftOver(paths: EnvironmentPaths): void {
  try {
    const [pid, start] = readFileSync(paths.pid, 'utf8').split(' ')
    if (processStart(Number(pid)) === start) endGroup(Number(pid))
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
  }
}

function endGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, constants.signals.SIGKILL)
  } catch {
    // It ended by itself.
  }
}

async function readMarker(paths: EnvironmentPaths): Promise<Built | undefined> {
  try {
    // Written by this function only, and complete when it is there.
    return JSON.parse(await readFile(join(paths.prefix, MARKER), 'utf8')) as Built
  } catch {
    return undefined
  }
}

const PASSED_ON =
  /^(PATH|HOME|TMPDIR|LANG|LC_.*|(https?|all|no)_proxy|PIP_.*|UV_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|CC|CXX|CFLAGS|LDFLAGS)$/i

/** The server's own variables that say where packages come from, and nothing else: building a package runs its code. */
function builderEnv(home: string): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]) =>
    value !== undefined && PASSED_ON.test(name) ? [[name, value] as const] : [],
  )
  return {
    UV_CACHE_DIR: join(home, 'cache', 'uv'),
    PIP_CACHE_DIR: join(home, 'cache', 'pip'),
    ...Object.fromEntries(kept),
    UV_PYTHON_DOWNLOADS: 'never',
    UV_NO_PROGRESS: '1',
  }
}

/** Reads what is installed from the names of the `.dist-info` folders (PyPA "Recording installed projects"), without starting Python. */
async function installedPackages(prefix: string): Promise<EnvironmentPackage[]> {
  const lib = join(prefix, 'lib')
  const versions = (await readdir(lib)).filter((name) => name.startsWith('python') || name.startsWith('pypy'))
  const names = (await Promise.all(versions.map((name) => readdir(join(lib, name, 'site-packages'))))).flat()
  return names
    .flatMap((name) => {
      const match = /^(.+?)-([^-]+)\.dist-info$/.exec(name)
      return match ? [{ name: (match[1] ?? '').toLowerCase().replaceAll(/[-_.]+/g, '-'), version: match[2] ?? '' }] : []
    })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
}

async function sizeOfFolder(path: string): Promise<number> {
  const { code, stdout } = await runProcess(['du', '-sk', path], { timeoutMs: 60_000 })
  return code === 0 ? Number.parseInt(stdout, 10) * 1024 : 0
}
