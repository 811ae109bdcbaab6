// `npm run check [-- --changed]`: format, lint, types, unused code, generated files. With --changed: only what differs from HEAD, and
// the unit tests that touch it, fast enough for every commit.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const bin = (name: string) => join(root, 'node_modules', '.bin', name)

export type Check = { readonly name: string; readonly argv: readonly [string, ...string[]] }

export const CHECKS: readonly Check[] = [
  {
    name: 'format',
    argv: [bin('oxfmt'), '--check', 'apps', 'packages', 'scripts', 'test', 'bench', 'vitest.config.ts'],
  },
  { name: 'lint', argv: [bin('oxlint'), '--type-aware', 'apps', 'packages', 'scripts', 'test', 'bench'] },
  { name: 'types', argv: [bin('tsc'), '-p', 'tsconfig.json'] },
  { name: 'types of the web UI', argv: [bin('tsc'), '-p', 'apps/web/tsconfig.json'] },
  { name: 'unused code', argv: [bin('knip'), '--no-progress'] },
  { name: 'generated files', argv: [process.execPath, 'scripts/generate.ts', '--check'] },
  { name: 'licences', argv: [process.execPath, 'scripts/licences.ts', '--check'] },
]

/** Runs one check and prints its name, its result and, when it failed, what it said. */
export function runCheck(check: Check): boolean {
  const started = Date.now()
  const [command, ...args] = check.argv
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 64 << 20 })
  const ok = result.status === 0
  process.stdout.write(`${ok ? '✓' : '✗'} ${check.name} (${((Date.now() - started) / 1000).toFixed(1)} s)\n`)
  if (!ok) process.stdout.write(`${`${result.stdout}${result.stderr}`.trim().split('\n').slice(0, 200).join('\n')}\n`)
  return ok
}

function changedChecks(): Check[] {
  const listed = spawnSync('git', ['diff', '--name-only', '--diff-filter=d', 'HEAD'], {
    cwd: root,
    encoding: 'utf8',
  }).stdout
  const untracked = spawnSync('git', ['ls-files', '--others', '--exclude-standard'], {
    cwd: root,
    encoding: 'utf8',
  }).stdout
  const files = `${listed}${untracked}`.split('\n').filter((file) => /\.(ts|tsx|css)$/.test(file))
  const code = files.filter((file) => /\.tsx?$/.test(file))
  if (files.length === 0) return []
  return [
    { name: 'format of changed files', argv: [bin('oxfmt'), '--check', ...files] },
    ...(code.length > 0 ? [{ name: 'lint of changed files', argv: [bin('oxlint'), ...code] } as const] : []),
    { name: 'types', argv: [bin('tsc'), '-p', 'tsconfig.json'] },
    {
      name: 'tests of changed files',
      argv: [bin('vitest'), 'related', '--run', '--project', 'unit', '--passWithNoTests', ...code],
    },
  ]
}

if (import.meta.main) {
  const checks = process.argv.includes('--changed') ? changedChecks() : CHECKS
  const results = checks.map(runCheck)
  process.exitCode = results.every(Boolean) ? 0 : 1
}
