import { writeFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { computeSignals } from './compute-signals.ts'
import type { WindowTask } from './window-task.ts'

// A process of its own, so that statistics over millions of rows never hold up the server's event loop, and a crash takes nothing along.
// Standard input: {task, resultPath}; the result goes to that file; a failure to standard error, exit status 1.
const { task, resultPath } = JSON.parse(await text(process.stdin)) as { task: WindowTask; resultPath: string } // written by run-task.ts of the same build
try {
  writeFileSync(resultPath, JSON.stringify(await computeSignals(task)))
} catch (error) {
  process.stderr.write(error instanceof Error ? error.message : String(error))
  process.exitCode = 1
}
