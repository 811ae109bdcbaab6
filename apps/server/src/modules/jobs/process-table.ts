import { readFileSync, readdirSync } from 'node:fs'

export type ProcessEntry = { readonly pid: number; readonly session: number; readonly state: string }

/** What a session's processes use together. `privateBytes` leaves shared pages out: forks of one process are not counted twice. */
export type SessionUse = {
  readonly rssBytes: number
  readonly privateBytes: number
  readonly peakBytes: number
  readonly cpuSeconds: number
}

/** Variable by which every process of an attempt is known, however often it forked and left its session. */
export const MARK = 'KIBAN_JOB'

/** All processes of the machine (Linux; elsewhere none). One read a process, about 15 µs each. */
export function listProcesses(): ProcessEntry[] {
  const entries: ProcessEntry[] = []
  for (const name of pids()) {
    const fields = statFields(name)
    if (fields) entries.push({ pid: Number(name), session: Number(fields[3]), state: fields[0] ?? '' })
  }
  return entries
}

/** The living processes of an attempt but for its supervisor: those of its session, and those that left it but carry its mark. */
export function membersOf(session: number, mark: string, table: readonly ProcessEntry[] = listProcesses()): number[] {
  return table
    .filter((entry) => entry.pid !== session && entry.state !== 'Z' && entry.pid !== process.pid)
    .filter((entry) => entry.session === session || markOf(entry.pid) === mark)
    .map((entry) => entry.pid)
}

/** The attempt that a process belongs to by its mark, if any. */
export function markOf(pid: number): string | undefined {
  const environ = read(`/proc/${pid}/environ`)
  const entry = environ?.split('\0').find((variable) => variable.startsWith(`${MARK}=`))
  return entry?.slice(MARK.length + 1)
}

/** Sends a signal, ignoring processes that are gone. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
    }
  }
}

/** What the session whose leader is `session` uses now. */
export function sessionUse(session: number, table: readonly ProcessEntry[]): SessionUse {
  let rssBytes = 0
  let privateBytes = 0
  let peakBytes = 0
  let ticks = 0
  for (const { pid } of table.filter((entry) => entry.session === session)) {
    const status = read(`/proc/${pid}/status`)
    const fields = statFields(String(pid))
    if (!status || !fields) continue
    rssBytes += kibibytes(status, 'VmRSS')
    privateBytes += kibibytes(status, 'RssAnon')
    peakBytes = Math.max(peakBytes, kibibytes(status, 'VmHWM'))
    // Own time, and for the leader also that of the children it has waited for.
    ticks += Number(fields[11]) + Number(fields[12]) + (pid === session ? Number(fields[13]) + Number(fields[14]) : 0)
  }
  return { rssBytes, privateBytes, peakBytes, cpuSeconds: ticks / TICKS_PER_SECOND }
}

/** How often the kernel has killed for lack of memory since boot; null where that is not told. */
export function kernelOomKills(): number | null {
  const match = /^oom_kill (\d+)$/m.exec(read('/proc/vmstat') ?? '')
  return match ? Number(match[1]) : null
}

// USER_HZ is 100 on every Linux port of Node.
const TICKS_PER_SECOND = 100

function pids(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  } catch {
    return []
  }
}

/** Fields of proc(5) stat from the third (state) on. */
function statFields(pid: string): string[] | undefined {
  const stat = read(`/proc/${pid}/stat`)
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')
}

function kibibytes(status: string, key: string): number {
  return Number(new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return undefined
  }
}
