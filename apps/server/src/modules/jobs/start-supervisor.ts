import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { processStart } from '@kiban/kit/process-identity'
import { readPid } from './attempt-folder.ts'
import type { AttemptFolder } from './attempt-folder.ts'
import type { Launch } from './prepare-attempt.ts'

const SUPERVISOR = fileURLToPath(new URL('./supervisor.sh', import.meta.url))

export type Supervisor = { readonly pid: number; readonly start: string; readonly child?: ChildProcess }

/** Starts the attempt as a session of its own that goes on when this process ends. Rejects with the system's error when it can't start. */
export function startSupervisor(folder: AttemptFolder, launch: Launch): Promise<Supervisor> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', [SUPERVISOR, launch.dir, ...launch.argv], {
      cwd: folder.root,
      env: launch.env,
      detached: true,
      stdio: 'ignore',
    })
    child.once('error', reject)
    child.once('spawn', () => {
      child.unref()
      const { pid } = child
      if (pid === undefined) reject(new Error('the process has no id'))
      else resolve({ pid, start: processStart(pid) ?? '-', child })
    })
  })
}

/**
 * Finds the supervisor of an attempt that another process started. `gone`: it ran and is no more. `never`: it had not begun, and from
 * now on can't any more, because its place is taken.
 */
export async function findSupervisor(folder: AttemptFolder): Promise<Supervisor | 'gone' | 'never'> {
  const written = (await readPid(folder)) ?? (await fence(folder))
  if (written === undefined || written.fenced) return 'never'
  return processStart(written.pid) === written.start ? { pid: written.pid, start: written.start } : 'gone'
}

/** Takes the place in which a supervisor writes its id, so that one that was started but has not come that far ends by itself. */
async function fence(folder: AttemptFolder): ReturnType<typeof readPid> {
  try {
    const file = await open(join(folder.control, 'pid'), 'wx')
    await file.write('0 -\n')
    await file.close()
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code !== 'EEXIST' && code !== 'ENOENT') throw error
    if (code === 'EEXIST') return (await readPid(folder)) ?? { pid: 0, start: '-', fenced: false }
  }
  return undefined
}
