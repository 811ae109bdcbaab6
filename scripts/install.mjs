// Makes the clone ready to run, with whatever Node (>= 20) is there: installs the locked packages when the lock has changed, and
// builds the web UI when its sources have. Does nothing, in a few milliseconds, when all is as it was.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, statfsSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const command = process.argv[2] ?? ''
const NEEDED_BYTES = 2 * 2 ** 30

if (Number(process.versions.node.split('.')[0]) < 20)
  fail(`Node.js ${process.versions.node} is too old: 20 or newer is needed.`)
installPackages()
if (!existsSync(join(root, 'node_modules', '.bin', 'node')) && Number(process.versions.node.split('.')[0]) < 24)
  fail(
    `No Node 24 comes with the packages for ${process.platform} on ${process.arch}, and this is ${process.versions.node}. Install Node 24 or newer.`,
  )
if (['start', 'up', 'setup', 'ui'].includes(command)) buildWeb()

function installPackages() {
  const stamp = join(root, 'node_modules', '.kiban-lock')
  const lock = sha256(readFileSync(join(root, 'package-lock.json')))
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  const disk = statfsSync(root)
  if (disk.bavail * disk.bsize < NEEDED_BYTES)
    fail(
      `The disk of ${root} has ${Math.round((disk.bavail * disk.bsize) / 2 ** 20)} MiB left, but the packages need about 2 GiB. Make room first.`,
    )
  const started = Date.now()
  say('Installing the locked packages into the clone …')
  const result = spawnSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  if (result.status !== 0) {
    const text = `${result.stderr}${result.stdout}`
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|network/i.test(text))
      fail(
        'The npm registry could not be reached. Check the network or the proxy (npm config get registry), then start again.',
        text,
      )
    if (/ENOSPC/.test(text)) fail('The disk is full. Make room, then start again.', text)
    fail('npm ci failed.', text)
  }
  writeFileSync(stamp, lock)
  say(`  packages ready after ${seconds(started)} s`)
}

function buildWeb() {
  const web = join(root, 'apps', 'web')
  const stamp = join(web, 'dist', '.sources')
  const sources = hashSources(
    ['apps/web/src', 'apps/web/build', 'apps/web/public', 'packages/contract/src', 'packages/client/src'],
    ['apps/web/index.html', 'apps/web/vite.config.ts', 'package-lock.json'],
  )
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === sources) return
  const started = Date.now()
  say('Building the web UI …')
  const bin = join(root, 'node_modules', '.bin')
  const result = spawnSync(
    join(bin, 'node'),
    [join(root, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'],
    { cwd: web, encoding: 'utf8', env: { ...process.env, PATH: `${bin}:${process.env.PATH}` } },
  )
  if (result.status !== 0) fail('The web UI could not be built.', `${result.stderr}${result.stdout}`)
  writeFileSync(stamp, sources)
  say(`  web UI ready after ${seconds(started)} s`)
}

function hashSources(folders, files) {
  const digest = createHash('sha256')
  for (const file of files) digest.update(readFileSync(join(root, file)))
  for (const folder of folders) {
    if (!existsSync(join(root, folder))) continue
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort()) {
      const path = join(root, folder, name)
      if (statSync(path).isFile() && !/\.test\.tsx?$/.test(name)) digest.update(name).update(readFileSync(path))
    }
  }
  return digest.digest('hex')
}

function sha256(bytes) {
  return createHash('sha256').update(bytes).digest('hex')
}

function seconds(since) {
  return ((Date.now() - since) / 1000).toFixed(0)
}

function say(text) {
  process.stderr.write(`${text}\n`)
}

function fail(reason, output = '') {
  if (output) process.stderr.write(`${output.trim().split('\n').slice(-20).join('\n')}\n`)
  process.stderr.write(`kiban: ${reason}\n`)
  process.exit(1)
}
