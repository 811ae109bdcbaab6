import { existsSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { newId } from '@kiban/kit/ids'
import { runProcess } from '@kiban/kit/subprocess'

/** The uv that is put into KIBAN_HOME when the system has none. */
const UV_VERSION = '0.13.9'

const found = new Map<string, Promise<string | undefined>>()

/**
 * A uv that runs: the system's, else its PyPI wheel in `KIBAN_HOME/tools`, installed there by pip on first use. Undefined when neither
 * can be had; environments are then made by venv and pip, 40 times slower (measured for the flights environment: 132 s, uv 3 s).
 */
export async function findUv(
  home: string,
  python: string,
  env: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<string | undefined> {
  const known = found.get(home)
  if (known) return known
  const result = look(home, python, env, say)
  found.set(home, result)
  // A failure may pass (no network): the next build looks again.
  if ((await result) === undefined) found.delete(home)
  return result
}

async function look(
  home: string,
  python: string,
  env: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<string | undefined> {
  if (await runs('uv', env)) return 'uv'
  const folder = join(home, 'tools', `uv-${UV_VERSION}`)
  const uv = join(folder, 'bin', 'uv')
  if (existsSync(uv) && (await runs(uv, env))) return uv
  say(`This system has no uv: installing uv ${UV_VERSION} into ${folder}`)
  const staging = join(home, 'tools', newId('uv'))
  await mkdir(staging, { recursive: true, mode: 0o700 })
  try {
    const pip = (await hasPip(python, env)) ? python : await pipOfVenv(python, join(staging, 'venv'), env, say)
    if (pip === undefined) return undefined
    const argv = [
      pip,
      '-m',
      'pip',
      'install',
      '--quiet',
      '--disable-pip-version-check',
      '--no-deps',
      '--only-binary',
      ':all:',
      '--target',
      join(staging, 'uv'),
      `uv==${UV_VERSION}`,
    ] as const
    const installed = await runProcess(argv, { env, timeoutMs: 300_000 })
    if (installed.code !== 0) {
      say(`uv could not be installed, so pip is used instead: ${installed.stderr.trim().split('\n').at(-1) ?? ''}`)
      return undefined
    }
    await rm(folder, { recursive: true, force: true })
    await rename(join(staging, 'uv'), folder)
    return (await runs(uv, env)) ? uv : undefined
  } finally {
    await rm(staging, { recursive: true, force: true })
  }
}

async function hasPip(python: string, env: Readonly<Record<string, string>>): Promise<boolean> {
  return (await runProcess([python, '-m', 'pip', '--version'], { env, timeoutMs: 60_000 })).code === 0
}

async function pipOfVenv(
  python: string,
  folder: string,
  env: Readonly<Record<string, string>>,
  say: (line: string) => void,
): Promise<string | undefined> {
  const made = await runProcess([python, '-m', 'venv', folder], { env, timeoutMs: 120_000 })
  if (made.code === 0) return join(folder, 'bin', 'python')
  say((made.stdout + made.stderr).trim())
  return undefined
}

async function runs(command: string, env: Readonly<Record<string, string>>): Promise<boolean> {
  try {
    return (await runProcess([command, '--version'], { env, timeoutMs: 20_000 })).code === 0
  } catch {
    return false
  }
}
