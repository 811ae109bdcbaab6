import { SYSTEM } from './context.ts'
import type { Ctx } from './context.ts'
import type { Loop } from './module.ts'

/** The loops of a server, running until `stop` resolves. A loop that throws is logged and tried again after a growing pause. */
export type RunningLoops = { wake(name: string): void; stop(): Promise<void> }

const MAX_PAUSE_MS = 30_000

export function startLoops(base: Omit<Ctx, 'actor' | 'signal'>, loops: readonly Loop[]): RunningLoops {
  const stopping = new AbortController()
  const wakers = new Map<string, () => void>()
  const running = loops.map((loop) =>
    runLoop(
      { ...base, actor: SYSTEM, log: base.log.child({ loop: loop.name }), signal: stopping.signal },
      loop,
      wakers,
    ),
  )
  return {
    wake: (name) => wakers.get(name)?.(),
    stop: async () => {
      stopping.abort()
      for (const wake of wakers.values()) wake()
      await Promise.all(running)
    },
  }
}

async function runLoop(ctx: Ctx, loop: Loop, wakers: Map<string, () => void>): Promise<void> {
  let woken = false
  let wakeUp: (() => void) | undefined
  wakers.set(loop.name, () => {
    woken = true
    wakeUp?.()
  })
  let failures = 0
  while (!ctx.signal.aborted) {
    woken = false
    try {
      await loop.run(ctx)
      failures = 0
    } catch (error) {
      if (ctx.signal.aborted) return
      failures += 1
      ctx.log.error({ err: error, failures }, `loop ${loop.name} failed`)
    }
    if (ctx.signal.aborted) return
    const pauseMs = failures > 0 ? Math.min(MAX_PAUSE_MS, loop.everyMs * 2 ** failures) : loop.everyMs
    if (woken && failures === 0) continue
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, pauseMs)
      wakeUp = () => {
        clearTimeout(timer)
        resolve()
      }
    })
    wakeUp = undefined
  }
}
