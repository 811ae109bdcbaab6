import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runProcess } from '@kiban/kit/subprocess'
import type { WindowResult, WindowTask } from './window-task.ts'

const WORKER = fileURLToPath(new URL('monitor-worker.ts', import.meta.url))
const TIMEOUT_MS = 10 * 60_000

/** Computes a window in a process of its own. Throws with the process's own message when it fails. */
export async function runTask(task: WindowTask, signal: AbortSignal): Promise<WindowResult> {
  const folder = await mkdtemp(join(tmpdir(), 'kiban-monitor-'))
  try {
    const resultPath = join(folder, 'result.json')
    const {
      code,
      stderr,
      signal: killed,
    } = await runProcess([process.execPath, WORKER], {
      input: JSON.stringify({ task, resultPath }),
      env: {
        PATH: process.env['PATH'] ?? '',
        HOME: folder,
        TMPDIR: tmpdir(),
        OMP_NUM_THREADS: '1',
        NODE_NO_WARNINGS: '1',
      },
      timeoutMs: TIMEOUT_MS,
      signal,
    })
    if (code !== 0)
      throw new Error(stderr.trim().slice(-2000) || `the computation was ended by ${killed ?? `status ${code}`}`)
    return JSON.parse(await readFile(resultPath, 'utf8')) as WindowResult // written by monitor-worker.ts of the same build
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
