import { execFile } from 'node:child_process'
import { mkdir, statfs } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { homedir, tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { existsSync } from 'node:fs'
import { promisify } from 'node:util'
import { isPortTaken } from './server-process.ts'

const execute = promisify(execFile)
const NEEDED_BYTES = 2 * 2 ** 30
const REGISTRY_TIMEOUT_MS = 8000

/** One thing a server or its jobs need. `message` says what was found, and the remedy when it is not enough. */
export type PreflightCheck = { readonly name: string; readonly ok: boolean; readonly message: string }

type Env = Readonly<Record<string, string | undefined>>

/** Where Kiban keeps everything. */
export function homeOf(env: Env): string {
  return resolve(env['KIBAN_HOME'] ?? join(homedir(), '.kiban'))
}

/**
 * Checks ports, disk and Python with venv, and then the package registry. The registry is only asked when no Python
 * environment has been built in this home.
 */
export async function preflight(
  env: Env,
  options: { portsMayBeTaken?: boolean } = {},
): Promise<readonly PreflightCheck[]> {
  const home = homeOf(env)
  const built = existsSync(join(home, 'environments'))
  const quick = await Promise.all([
    ...(options.portsMayBeTaken === true ? [] : portChecks(env, await hasDataPlane(home))),
    diskCheck(home),
    pythonCheck(env),
  ])
  // Asking the network takes seconds: what is missing here is said at once.
  if (built || quick.some((check) => !check.ok)) return quick
  return [...quick, await registryCheck(env)]
}

/** Whether the data plane of this home runs: it outlives a server that was killed, and the next server takes it over. */
function hasDataPlane(home: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path: join(home, 'run', 'inference.sock') })
    socket.on('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.on('error', () => resolve(false))
  })
}

function portChecks(env: Env, dataPlaneRuns: boolean): Promise<PreflightCheck>[] {
  const ports = [
    ['KIBAN_PORT', Number(env['KIBAN_PORT'] ?? 7300)],
    ['KIBAN_GRPC_PORT', Number(env['KIBAN_GRPC_PORT'] ?? 7301)],
    ['KIBAN_INFERENCE_PORT', Number(env['KIBAN_INFERENCE_PORT'] ?? 7302)],
  ] as const
  return ports.map(async ([variable, port]) => {
    const name = `port ${port}`
    if (!Number.isInteger(port) || port < 1 || port > 65_535)
      return {
        name,
        ok: false,
        message: `${variable} must be a port from 1 to 65535, not ${JSON.stringify(env[variable])}.`,
      }
    if (dataPlaneRuns && variable !== 'KIBAN_PORT')
      return { name, ok: true, message: 'held by the data plane of this home' }
    if (!(await isPortTaken(port))) return { name, ok: true, message: 'free' }
    return {
      name,
      ok: false,
      message: `Another program already listens on port ${port}. End it, or choose another with ${variable}=${port + 100}.`,
    }
  })
}

async function diskCheck(home: string): Promise<PreflightCheck> {
  const name = 'disk'
  try {
    await mkdir(home, { recursive: true, mode: 0o700 })
    const disk = await statfs(home)
    const free = disk.bavail * disk.bsize
    const text = `${(free / 2 ** 30).toFixed(1)} GiB are free at ${home}`
    if (free >= NEEDED_BYTES || existsSync(join(home, 'environments')))
      return { name, ok: free > 100 * 2 ** 20, message: text }
    return {
      name,
      ok: false,
      message: `Only ${text}, but 2 GiB are needed. Make room, or put the home elsewhere with KIBAN_HOME.`,
    }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return {
      name,
      ok: false,
      message: `The home ${home} can't be made (${reason}). Choose another with KIBAN_HOME; ${dirname(home)} must be writable.`,
    }
  }
}

async function pythonCheck(env: Env): Promise<PreflightCheck> {
  const name = 'python'
  const program = 'import sys, ensurepip, venv; print("%d.%d.%d" % sys.version_info[:3])'
  let lacks = ''
  for (const python of ['python3', 'python']) {
    try {
      const { stdout } = await execute(python, ['-c', program], { env: { ...env }, cwd: tmpdir(), timeout: 20_000 })
      const version = stdout.trim()
      const [major = 0, minor = 0] = version.split('.').map(Number)
      if (major === 3 && minor >= 10) return { name, ok: true, message: `Python ${version} with venv` }
      lacks = `Python ${version} is too old: 3.10 or newer is needed.`
    } catch (error) {
      const said = error instanceof Error && 'stderr' in error ? String(error.stderr) : ''
      if (/No module named '?(ensurepip|venv)/.test(said)) lacks = 'This Python has no venv module.'
    }
  }
  return {
    name,
    ok: false,
    message: `${lacks || 'There is no Python on this machine.'} Install it (Debian, Ubuntu: sudo apt-get install python3 python3-venv).`,
  }
}

async function registryCheck(env: Env): Promise<PreflightCheck> {
  const name = 'package registry'
  const url = env['UV_INDEX_URL'] ?? env['PIP_INDEX_URL'] ?? 'https://pypi.org/simple'
  // pip itself is asked: it knows the proxy, the certificates and the index that this machine uses.
  try {
    await execute('python3', ['-m', 'pip', '--version'], { env: { ...env }, timeout: REGISTRY_TIMEOUT_MS })
  } catch {
    return {
      name,
      ok: true,
      message: 'not asked: this Python has no pip of its own; the environment is built with its venv',
    }
  }
  try {
    const args = [
      '-m',
      'pip',
      'download',
      '--no-deps',
      '--quiet',
      '--disable-pip-version-check',
      '--retries',
      '0',
      '--timeout',
      '5',
      '--dest',
      join(tmpdir(), 'kiban-registry-check'),
      'zipp==4.1.2',
    ]
    await execute('python3', args, { env: { ...env }, timeout: 4 * REGISTRY_TIMEOUT_MS })
    return { name, ok: true, message: 'answers' }
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim().split('\n').at(-1) : ''
    return {
      name,
      ok: false,
      message: `The Python package registry ${url} can't be reached${said ? ` (${said.slice(0, 200)})` : ''}. Check the network, the proxy (HTTPS_PROXY) or the index (PIP_INDEX_URL).`,
    }
  }
}
