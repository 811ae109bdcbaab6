import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * When the process started, as an opaque text that tells it from a later one of the same id (Linux: clock ticks since boot, proc(5)
 * field 22; elsewhere what `ps` prints). Undefined when there is no such process, or only its unreaped remains.
 */
export function processStart(pid: number): string | undefined {
  if (process.platform !== 'linux') return startByPs(pid)
  try {
    // The name in parentheses may itself have blanks and parentheses: fields are counted from the last one.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

/** This process, for a row that says who works on it: `host pid start`. */
export function thisProcess(): string {
  own ??= `${hostname()} ${process.pid} ${processStart(process.pid) ?? '-'}`
  return own
}
let own: string | undefined

/** Whether the process that wrote `identity` still runs; undefined when that cannot be known here (another host). */
export function isRunning(identity: string): boolean | undefined {
  const [host, pid, start] = identity.split(' ')
  if (host !== hostname()) return undefined
  return processStart(Number(pid)) === start
}

function startByPs(pid: number): string | undefined {
  try {
    return (
      execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' })
        .trim()
        .replaceAll(/\s+/g, '_') || undefined
    )
  } catch {
    return undefined
  }
}
