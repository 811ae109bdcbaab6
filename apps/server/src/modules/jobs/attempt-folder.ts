import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/** Where one attempt lives. All of it but `control` goes when the attempt has ended; `checkpoints` is shared by the attempts of a job. */
export type AttemptFolder = {
  readonly root: string
  readonly work: string
  readonly inputs: string
  readonly outputs: string
  readonly tmp: string
  readonly secrets: string
  readonly control: string
  readonly log: string
  readonly checkpoints: string
}

export function attemptFolder(home: string, jobId: string, attempt: number): AttemptFolder {
  const root = join(home, 'jobs', jobId, String(attempt))
  return {
    root,
    work: join(root, 'work'),
    inputs: join(root, 'inputs'),
    outputs: join(root, 'outputs'),
    tmp: join(root, 'tmp'),
    secrets: join(root, 'secrets'),
    control: join(root, 'control'),
    log: join(root, 'control', 'log'),
    checkpoints: join(home, 'jobs', jobId, 'checkpoints'),
  }
}

export type ExitRecord = { readonly status: number; readonly cpuSeconds: number | null }

/** What the supervisor wrote down at the end; undefined as long as it has not finished writing. */
export async function readExit(folder: AttemptFolder): Promise<ExitRecord | undefined> {
  const text = await readIfThere(join(folder.control, 'exit'))
  const lines = text?.split('\n') ?? []
  // Status, two lines of `times`, and the empty rest after the last newline.
  if (lines.length < 4) return undefined
  return { status: Number(lines[0]), cpuSeconds: parseTimes(lines[2] ?? '') }
}

/** Who runs the attempt, as the supervisor wrote it. `fenced`: the server shut the attempt before any supervisor began. */
export async function readPid(
  folder: AttemptFolder,
): Promise<{ pid: number; start: string; fenced: boolean } | undefined> {
  const text = await readIfThere(join(folder.control, 'pid'))
  const match = /^(\d+) (\S+)\n/.exec(text ?? '')
  return match ? { pid: Number(match[1]), start: match[2] ?? '', fenced: match[1] === '0' } : undefined
}

/** "0m1.250s 0m0.020s", the children's line of `times`, as seconds. */
function parseTimes(line: string): number | null {
  const parts = [...line.matchAll(/(\d+)m([\d.]+)s/g)]
  return parts.length === 0
    ? null
    : parts.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60 + Number(seconds), 0)
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
