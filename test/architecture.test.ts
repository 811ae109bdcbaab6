import { readFileSync, readdirSync, existsSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import { ERRORS } from '@kiban/contract/errors'

const root = resolve(import.meta.dirname, '..')
const sources = ['packages', 'apps'].flatMap((top) =>
  readdirSync(join(root, top)).flatMap((name) => {
    const src = join(root, top, name, 'src')
    return existsSync(src)
      ? readdirSync(src, { recursive: true, encoding: 'utf8' })
          .filter((file) => /\.tsx?$/.test(file))
          .map((file) => join(src, file))
      : []
  }),
)
const read = (file: string) => readFileSync(file, 'utf8')
const importsOf = (file: string) =>
  [...read(file).matchAll(/^\s*(?:import|export)[^'"]*?from '([^']+)'|import\('([^']+)'\)/gm)].map(
    (match) => match[1] ?? match[2] ?? '',
  )
const isTest = (file: string) => /\.test\.tsx?$/.test(file)
const packageOf = (file: string) => relative(root, file).split('/').slice(0, 2).join('/')

describe('packages', () => {
  const ALLOWED: Readonly<Record<string, readonly string[]>> = {
    'packages/contract': [],
    'packages/client': ['contract'],
    'packages/kit': ['contract'],
    'packages/testkit': ['contract', 'client', 'kit'],
    'apps/server': ['contract', 'client', 'kit'],
    'apps/inference': ['contract', 'kit'],
    'apps/cli': ['contract', 'client'],
    'apps/web': ['contract', 'client'],
  }

  test('import only along the arrows of the design', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .flatMap((name) => /^@kiban\/([a-z]+)/.exec(name)?.[1] ?? [])
        .filter(
          (name) =>
            `packages/${name}` !== packageOf(file) &&
            !ALLOWED[packageOf(file)]?.includes(name) &&
            !(isTest(file) && name === 'testkit'),
        )
        .map((name) => `${relative(root, file)} imports ${name}`),
    )
    expect(wrong).toEqual([])
  })

  test('never reach into each other by a relative path', () => {
    const wrong = sources.flatMap((file) =>
      importsOf(file)
        .filter((name) => name.startsWith('.') && packageOf(resolve(dirname(file), name)) !== packageOf(file))
        .map((name) => `${relative(root, file)} imports ${name}`),
    )
    expect(wrong).toEqual([])
  })
})

describe('modules of the server', () => {
  const modules = join(root, 'apps/server/src/modules')
  const moduleOf = (file: string) => relative(modules, file).split('/')[0] ?? ''
  const files = sources.filter((file) => file.startsWith(modules))

  test('are entered by their index only', () => {
    const wrong = files
      .filter((file) => !isTest(file))
      .flatMap((file) =>
        importsOf(file)
          .filter((name) => name.startsWith('.'))
          .map((name) => resolve(dirname(file), name))
          .filter(
            (target) =>
              target.startsWith(modules) &&
              moduleOf(target) !== moduleOf(file) &&
              relative(join(modules, moduleOf(target)), target) !== 'index.ts',
          )
          .map((target) => `${relative(root, file)} imports ${relative(root, target)}`),
      )
    expect(wrong).toEqual([])
  })

  test('form no cycle', () => {
    const edges = new Map<string, Set<string>>()
    for (const file of files.filter((one) => !isTest(one)))
      for (const name of importsOf(file).filter((one) => one.startsWith('.'))) {
        const target = resolve(dirname(file), name)
        if (target.startsWith(modules) && moduleOf(target) !== moduleOf(file))
          edges.set(moduleOf(file), (edges.get(moduleOf(file)) ?? new Set()).add(moduleOf(target)))
      }
    const cycles: string[] = []
    const visit = (name: string, path: readonly string[]) => {
      if (path.includes(name)) return void cycles.push([...path.slice(path.indexOf(name)), name].join(' → '))
      for (const next of edges.get(name) ?? []) if (cycles.length === 0) visit(next, [...path, name])
    }
    for (const name of edges.keys()) visit(name, [])
    expect(cycles).toEqual([])
  })

  test('ask only their own tables, and only in their store', () => {
    const owners = new Map<string, string>()
    for (const file of files.filter((one) => one.endsWith('.migrations.ts')))
      for (const match of read(file).matchAll(/createTable\('(\w+)'\)/g)) owners.set(match[1] ?? '', moduleOf(file))
    expect(owners.size).toBeGreaterThan(5)
    const wrong = files
      .filter((file) => !isTest(file) && !file.endsWith('.migrations.ts'))
      .flatMap((file) =>
        [...read(file).matchAll(/\b(?:selectFrom|insertInto|updateTable|deleteFrom|innerJoin|leftJoin)\(\s*'(\w+)/g)]
          .map((match) => match[1] ?? '')
          .filter(
            (table) => owners.has(table) && (owners.get(table) !== moduleOf(file) || !/[.-]store\.ts$/.test(file)),
          )
          .map((table) => `${relative(root, file)} asks ${table}, a table of ${owners.get(table)}`),
      )
    expect(wrong).toEqual([])
  })

  test('say what they own in the first lines of their index', () => {
    const wrong = readdirSync(modules).filter(
      (name) =>
        !/^\/\*\*[^]*?\*\//.test(
          existsSync(join(modules, name, 'index.ts')) ? read(join(modules, name, 'index.ts')) : '',
        ),
    )
    expect(wrong).toEqual([])
  })
})

test('every error code is thrown somewhere', () => {
  const text = sources
    .filter((file) => !isTest(file) && !file.endsWith('contract/src/errors.ts'))
    .map(read)
    .join('\n')
  const unused = Object.keys(ERRORS).filter(
    (code) =>
      !text.includes(`AppError('${code}'`) &&
      !text.includes(`AppError("${code}"`) &&
      !['internal', 'rate_limited'].includes(code) &&
      !new RegExp(`(code|return|\\?|:|\\|\\|) ?'${code}'`).test(text),
  )
  expect(unused).toEqual([])
})

test('nothing but kit/outbound opens connections to addresses from outside', () => {
  const server = sources.filter((file) => /apps\/(server|inference)|packages\/kit/.test(file) && !isTest(file))
  const wrong = server
    .filter(
      (file) => !file.endsWith('kit/src/outbound.ts') && /\bfetch\(|from 'undici'|from 'node:https'/.test(read(file)),
    )
    .map((file) => relative(root, file))
  expect(wrong).toEqual([])
})

test('docs/architecture.md names every app, package and module that is there, and none that is not', () => {
  const page = read(join(root, 'docs/architecture.md'))
  const named = new Set([...page.matchAll(/`((?:apps|packages)\/[a-z]+)`/g)].map((match) => match[1] ?? ''))
  const there = ['apps', 'packages'].flatMap((top) => readdirSync(join(root, top)).map((name) => `${top}/${name}`))
  expect([...named].toSorted()).toEqual(there.toSorted())
  const modules = readdirSync(join(root, 'apps/server/src/modules'))
  const listed = /<!-- modules -->([^]*?)<!-- \/modules -->/.exec(page)?.[1] ?? ''
  expect([...listed.matchAll(/^\| `(\w+)`/gm)].map((match) => match[1]).toSorted()).toEqual(modules.toSorted())
})
