import { execFile, spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { createClient } from '@kiban/client'
import type { Client } from '@kiban/client'
import { freePort } from '@kiban/testkit/app'

const ROOT = resolve(import.meta.dirname, '../..')
const execute = promisify(execFile)

export type Guide = {
  readonly client: Client
  /** The address of the pages. */
  readonly url: string
  /** What each block of commands printed, by its first line. */
  readonly printed: ReadonlyMap<string, string>
  close(): Promise<void>
}

/**
 * Does what a page of the guide says, from top to bottom, in an empty folder: files are written as it shows them, commands are typed as it
 * shows them. Only the ports, the home and the place of the clone (`~/kiban` on the page) are others. `kiban up` goes on until `close`.
 */
export async function runGuide(page: string): Promise<Guide> {
  const home = mkdtempSync(join(tmpdir(), 'kiban-guide-'))
  const [http, grpc, inference] = await Promise.all([freePort(), freePort(), freePort()])
  const url = `http://127.0.0.1:${http}`
  const bin = join(home, 'bin')
  const folder = join(home, 'project')
  mkdirSync(bin)
  mkdirSync(folder)
  const main = join(ROOT, 'apps/cli/src/main.ts')
  writeFileSync(join(bin, 'kiban'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`)
  chmodSync(join(bin, 'kiban'), 0o755)
  const env = {
    ...process.env,
    KIBAN_HOME: join(home, 'kiban'),
    KIBAN_PORT: String(http),
    KIBAN_GRPC_PORT: String(grpc),
    KIBAN_INFERENCE_PORT: String(inference),
    PATH: `${bin}:${process.env['PATH']}`,
  }
  const client = createClient({ url })
  const printed = new Map<string, string>()
  let server: ChildProcess | undefined
  const close = async () => {
    if (server && server.exitCode === null && server.signalCode === null) {
      const ended = new Promise((done) => server?.once('exit', done))
      server.kill('SIGTERM')
      await ended
    }
    rmSync(home, { recursive: true, force: true })
  }
  try {
    for (const { kind, title, text } of blocksOf(readFileSync(join(ROOT, page), 'utf8'))) {
      if (title !== undefined) writeFileSync(join(folder, title), text)
      else if (kind !== 'sh') throw new Error(`a block of ${kind} is neither a file nor commands`)
      else if (text === 'kiban up\n') {
        server = spawn('kiban', ['up'], { cwd: folder, env: { ...env, KIBAN_LOG_LEVEL: 'error' }, stdio: 'ignore' })
        await ready(client, server)
      } else {
        const here = text
          .replaceAll('127.0.0.1:7300', `127.0.0.1:${http}`)
          .replaceAll('127.0.0.1:7302', `127.0.0.1:${inference}`)
          .replaceAll('~/kiban', ROOT)
        const ran = await execute('bash', ['-euo', 'pipefail', '-c', here], { cwd: folder, env, timeout: 400_000 })
        printed.set(text.split('\n')[0] ?? '', ran.stdout)
      }
    }
  } catch (error) {
    await close()
    throw error
  }
  return { client, url, printed, close }
}

function blocksOf(page: string): { kind: string; title: string | undefined; text: string }[] {
  return [...page.matchAll(/^```(?<kind>\w+)(?: title="(?<title>[^"]+)")?\n(?<text>[\s\S]*?)^```$/gm)].map((match) => ({
    kind: match.groups?.['kind'] ?? '',
    title: match.groups?.['title'],
    text: match.groups?.['text'] ?? '',
  }))
}

async function ready(client: Client, server: ChildProcess): Promise<void> {
  const deadline = Date.now() + 120_000
  while (
    !(await client.listProjects().then(
      () => true,
      () => false,
    ))
  ) {
    if (Date.now() > deadline || server.exitCode !== null)
      throw new Error(`the server did not start (exit status ${server.exitCode})`)
    await new Promise((done) => setTimeout(done, 100))
  }
}
