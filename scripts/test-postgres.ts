import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type TestPostgres = { readonly url: string; stop(): void }

/** Starts a throw-away PostgreSQL from Debian's package on a free port; undefined where there is none. */
export function startPostgres(): TestPostgres | undefined {
  const versions = existsSync('/usr/lib/postgresql') ? readdirSync('/usr/lib/postgresql').sort() : []
  const newest = versions.at(-1)
  if (!newest) return undefined
  const bin = `/usr/lib/postgresql/${newest}/bin`
  const folder = mkdtempSync(join(tmpdir(), 'kiban-postgres-'))
  chmodSync(folder, 0o755)
  const asPostgres = process.getuid?.() === 0
  if (asPostgres) spawnSync('chown', ['postgres:', folder])
  const run = (command: string) =>
    asPostgres
      ? spawnSync('su', ['postgres', '-s', '/bin/sh', '-c', command], { encoding: 'utf8' })
      : spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' })
  const port = 20_000 + (process.pid % 10_000)
  const made = run(`${bin}/initdb -D ${folder}/data -U kiban --auth=trust -E UTF8 --locale=C.UTF-8 --no-sync`)
  const started = run(
    `${bin}/pg_ctl -D ${folder}/data -o "-p ${port} -h 127.0.0.1 -k ${folder} -c fsync=off -c max_connections=200" -l ${folder}/log -w start`,
  )
  if (made.status !== 0 || started.status !== 0) {
    process.stdout.write(`PostgreSQL did not start: ${made.stderr}${started.stderr}\n`)
    return undefined
  }
  return {
    url: `postgres://kiban@127.0.0.1:${port}/postgres`,
    stop: () => {
      run(`${bin}/pg_ctl -D ${folder}/data -m immediate stop`)
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
