import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { IntlMessageFormat } from 'intl-messageformat'
import { parseSync, Visitor } from 'vite'
import { expect, test } from 'vitest'
import { messages } from '../messages/index.ts'
import { STATE_NAMES } from '../ui/status.tsx'

const SOURCE = join(import.meta.dirname, '..')
const screens = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' })
  .filter((file) => /\.tsx?$/.test(file) && !file.includes('.test.') && !file.startsWith('messages/'))
  .map((file) => ({ file, text: readFileSync(join(SOURCE, file), 'utf8') }))
const catalogue: Readonly<Record<string, readonly [string, string]>> = messages

test('every message parses in both languages and takes the same values', () => {
  for (const [key, [en, ja]] of Object.entries(catalogue)) {
    expect(placeholders(ja, 'ja'), key).toEqual(placeholders(en, 'en'))
    expect(ja, key).not.toBe('')
  }
})

test('Japanese is Japanese: full-width punctuation, half-width digits and Latin', () => {
  for (const [key, [, ja]] of Object.entries(catalogue)) {
    expect(ja, key).not.toMatch(/[Ａ-Ｚａ-ｚ０-９]/)
    if (/[\u3040-\u30ff\u4e00-\u9fff]/.test(ja)) expect(ja, key).not.toMatch(/[\u3040-\u30ff\u4e00-\u9fff][,.!?](\s|$)/)
  }
})

test('every state has a word', () => {
  expect(STATE_NAMES.filter((state) => catalogue[`state.${state}`] === undefined)).toEqual([])
})

test('every key that a screen asks for exists, also those put together from a contract’s enum', () => {
  const known = Object.keys(catalogue)
  const missing: string[] = []
  for (const { file, text } of screens) {
    for (const [, key] of text.matchAll(/\bt\(\s*'([^']+)'/g))
      if (catalogue[key!] === undefined) missing.push(`${file}: ${key}`)
    for (const [, start] of text.matchAll(/\bt\(\s*`([\w.]+)\$\{/g))
      if (!known.some((key) => key.startsWith(start!))) missing.push(`${file}: ${start}…`)
  }
  expect(missing).toEqual([])
})

test('every message is used', () => {
  const all = screens.map(({ text }) => text).join('\n')
  const stems = [...all.matchAll(/`([a-z_]+\.[\w]*)\$\{/g)].map(([, stem]) => stem!)
  const unused = Object.keys(catalogue).filter(
    (key) => !all.includes(`'${key}'`) && !stems.some((stem) => key.startsWith(stem)),
  )
  expect(unused).toEqual([])
})

test('no screen holds a literal text: neither between tags nor in an attribute that people read', () => {
  const found: string[] = []
  for (const { file, text } of screens.filter((it) => it.file.endsWith('.tsx'))) {
    const { program, errors } = parseSync(file, text)
    expect(errors, file).toEqual([])
    new Visitor({
      JSXText(node) {
        if (/\p{L}/u.test(node.value)) found.push(`${file}: ${node.value.trim()}`)
      },
      JSXAttribute(node) {
        const name = node.name.type === 'JSXIdentifier' ? node.name.name : ''
        const value = node.value?.type === 'Literal' ? String(node.value.value) : ''
        if (/^(title|placeholder|alt|label|aria-label|aria-description)$/.test(name) && /\p{L}/u.test(value))
          found.push(`${file}: ${name}="${value}"`)
      },
      JSXElement(node) {
        for (const child of node.children) {
          if (
            child.type === 'JSXExpressionContainer' &&
            child.expression.type === 'Literal' &&
            /\p{L}{2}/u.test(String(child.expression.value))
          )
            found.push(`${file}: {${String(child.expression.value)}}`)
        }
      },
    }).visit(program)
  }
  expect(found).toEqual([])
})

/** The names of the values a message takes. */
function placeholders(text: string, locale: string): string[] {
  const names = new Set<string>()
  const walk = (parts: readonly { type: number; value?: string; options?: Record<string, { value: unknown }> }[]) => {
    for (const part of parts) {
      if (part.type >= 1 && part.type <= 6 && part.value !== undefined) names.add(part.value)
      for (const option of Object.values(part.options ?? {})) walk(option.value as Parameters<typeof walk>[0]) // the parser's own shape, which it does not export
    }
  }
  walk(new IntlMessageFormat(text, locale, undefined, { ignoreTag: true }).getAst() as Parameters<typeof walk>[0]) // as above
  return [...names].sort()
}
