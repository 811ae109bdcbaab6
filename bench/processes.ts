// Starting, watching and ending the servers that are raced.
import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { readFileSync, readdirSync } from 'node:fs'

export type Server = { readonly pid: number; readonly readyMs: number; stop(): Promise<void> }

/** Starts `argv` as the head of a process group and waits until `url` answers 200; throws when it ends before. */
export async function startServer(
  argv: readonly [string, ...string[]],
  options: { url: string; env: Readonly<Record<string, string>>; timeoutMs: number },
): Promise<Server> {
  const started = performance.now()
  const child = spawn(argv[0], argv.slice(1), {
    env: { ...process.env, ...options.env },
    stdio: 'ignore',
    detached: true,
  })
  const { pid } = child
  if (pid === undefined) throw new Error(`${argv[0]} could not be started`)
  while (performance.now() - started < options.timeoutMs) {
    if (child.exitCode !== null) throw new Error(`${argv.join(' ')} ended with ${child.exitCode}`)
    const answer = await fetch(options.url).catch(() => undefined)
    await answer?.arrayBuffer()
    if (answer?.ok) return { pid, readyMs: performance.now() - started, stop: () => stop(child, pid) }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  await stop(child, pid)
  throw new Error(`${argv.join(' ')} did not answer within ${options.timeoutMs} ms`)
}

async function stop(child: ChildProcess, pid: number): Promise<void> {
  const ended = new Promise<void>((resolve) =>
    child.exitCode !== null ? resolve() : child.once('exit', () => resolve()),
  )
  process.kill(-pid, 'SIGTERM')
  const timer = setTimeout(() => process.kill(-pid, 'SIGKILL'), 10_000)
  await ended
  clearTimeout(timer)
}

/** Proportional set size and CPU seconds of a process and all below it (Linux). */
export function measureTree(pid: number): { pssMib: number; cpuSeconds: number; processes: number } {
  const children = new Map<number, number[]>()
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    const parent = Number(/^PPid:\s+(\d+)/m.exec(readProc(name, 'status'))?.[1] ?? 0)
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const tree = [pid]
  for (let i = 0; i < tree.length; i++) tree.push(...(children.get(tree[i] ?? 0) ?? []))
  let pssKib = 0
  let ticks = 0
  for (const one of tree) {
    pssKib += Number(/^Pss:\s+(\d+)/m.exec(readProc(String(one), 'smaps_rollup'))?.[1] ?? 0)
    const fields = readProc(String(one), 'stat').split(') ')[1]?.split(' ') ?? []
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0) // utime, stime: proc(5)
  }
  return { pssMib: pssKib / 1024, cpuSeconds: ticks / 100, processes: tree.length }
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return '' // it has ended
  }
}
