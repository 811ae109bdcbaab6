import { existsSync, readdirSync } from 'node:fs'
import { mkdir, readlink, rename, rm, symlink } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { homedir } from 'node:os'
import { newId } from '@kiban/kit/ids'
import { runProcess } from '@kiban/kit/subprocess'

/** A real interpreter: never a shim that looks for one at each start (a pyenv shim costs 170 ms). */
export type Python = { readonly executable: string; readonly version: string; readonly implementation: string }

/** No Python of the wanted version is on this machine; the message says which there are and how to get it. */
export class PythonNotFound extends Error {}

const PROBE = `import json, os, platform, sys
print(json.dumps([os.path.realpath(getattr(sys, "_base_executable", sys.executable)), platform.python_version(), platform.python_implementation()]))`
const OLDEST = [3, 8] as const

const probed = new Map<string, Promise<Python | undefined>>()

/** The first Python ≥ 3.8 that matches `wanted` ("3.11", "3.11.7", or any): on the PATH, then among pyenv's. Throws PythonNotFound. */
export async function findPython(wanted: string | undefined, env: NodeJS.ProcessEnv = process.env): Promise<Python> {
  const seen: Python[] = []
  for (const path of candidates(wanted, env)) {
    const python = await probeOnce(path)
    if (!python || !isRecent(python.version)) continue
    seen.push(python)
    if (matches(python.version, wanted)) return python
  }
  const there = [...new Set(seen.map((python) => python.version))].join(', ')
  throw new PythonNotFound(
    wanted === undefined
      ? `There is no Python ≥ ${OLDEST.join('.')} on this machine. Install it (Debian, Ubuntu: apt install python3 python3-venv).`
      : `Python ${wanted} is asked for, but this machine has ${there || 'none'}. Install it (for example: apt install python${wanted.split('.').slice(0, 2).join('.')} python${wanted.split('.').slice(0, 2).join('.')}-venv) or change \`python\` of the environment.`,
  )
}

const folders = new Map<string, Promise<string | null>>()

/** A folder with `python` and `python3` leading to the machine's own Python, for the PATH of jobs; null when it has none. */
export function machinePythonBin(home: string): Promise<string | null> {
  const known = folders.get(home)
  if (known) return known
  const made = makeFolder(home).catch(() => null)
  folders.set(home, made)
  return made
}

async function makeFolder(home: string): Promise<string> {
  const { executable } = await findPython(undefined)
  const target = join(home, 'tools', 'python')
  if ((await readlink(join(target, 'python')).catch(() => undefined)) === executable) return target
  const staging = join(home, 'tools', newId('python'))
  await mkdir(staging, { recursive: true, mode: 0o700 })
  for (const name of ['python', 'python3']) await symlink(executable, join(staging, name))
  await rm(target, { recursive: true, force: true })
  await rename(staging, target)
  return target
}

function candidates(wanted: string | undefined, env: NodeJS.ProcessEnv): string[] {
  const minor = wanted?.split('.').slice(0, 2).join('.')
  const names =
    minor === undefined || !minor.includes('.') ? ['python3', 'python'] : [`python${minor}`, 'python3', 'python']
  const onPath = names.flatMap((name) => (env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)))
  const versions = join(env['PYENV_ROOT'] ?? join(homedir(), '.pyenv'), 'versions')
  const ofPyenv = existsSync(versions)
    ? readdirSync(versions)
        .sort()
        .toReversed()
        .map((version) => join(versions, version, 'bin', 'python3'))
    : []
  return [...onPath, ...ofPyenv].filter((path) => existsSync(path))
}

function probeOnce(path: string): Promise<Python | undefined> {
  const known = probed.get(path)
  if (known) return known
  const result = probe(path)
  probed.set(path, result)
  return result
}

async function probe(path: string): Promise<Python | undefined> {
  try {
    const { code, stdout } = await runProcess([path, '-I', '-c', PROBE], { timeoutMs: 20_000 })
    const parsed: unknown = code === 0 ? JSON.parse(stdout) : undefined
    if (!Array.isArray(parsed)) return undefined
    const [executable, version, implementation] = parsed.map(String)
    return executable && version && implementation ? { executable, version, implementation } : undefined
  } catch {
    return undefined
  }
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])
}

function matches(version: string, wanted: string | undefined): boolean {
  return wanted === undefined || version === wanted || version.startsWith(`${wanted}.`)
}
