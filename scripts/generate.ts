// `npm run generate`: the files made from the contract (OpenAPI, the JSON Schema of kiban.yaml). `--check` fails when one is stale.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { projectFileJsonSchema } from '@kiban/contract/project-file'
import { openApi } from '../apps/server/src/modules/system/openapi.ts'

const root = join(import.meta.dirname, '..')
const version: string = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version

const FILES: Readonly<Record<string, () => unknown>> = {
  'docs/generated/openapi.json': () => openApi(version),
  'docs/generated/kiban.schema.json': () => projectFileJsonSchema(),
}

let stale = 0
for (const [file, make] of Object.entries(FILES)) {
  const path = join(root, file)
  const text = `${JSON.stringify(make(), null, 1)}\n`
  if (existsSync(path) && readFileSync(path, 'utf8') === text) continue
  if (process.argv.includes('--check')) {
    process.stdout.write(`${file} is stale: run npm run generate\n`)
    stale += 1
    continue
  }
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  process.stdout.write(`wrote ${file}\n`)
}
process.exitCode = stale > 0 ? 1 : 0
