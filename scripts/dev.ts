// `npm run dev`: the server, restarted when its files change, and the web UI with hot reload on port 5173, which forwards to it.
import { spawn } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const server = spawn(
  process.execPath,
  ['--watch', '--watch-path=apps/server/src', '--watch-path=packages', join('apps', 'server', 'src', 'main.ts')],
  { cwd: root, stdio: 'inherit' },
)
const web = spawn(process.execPath, [join(root, 'node_modules', 'vite', 'bin', 'vite.js')], {
  cwd: join(root, 'apps', 'web'),
  stdio: 'inherit',
})

for (const child of [server, web])
  child.on('exit', () => {
    server.kill()
    web.kill()
  })
for (const signal of ['SIGINT', 'SIGTERM'] as const)
  process.on(signal, () => {
    server.kill(signal)
    web.kill(signal)
  })
