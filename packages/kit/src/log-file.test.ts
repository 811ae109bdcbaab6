import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { MAX_LOG_BYTES, boundLog, maskLog, readLog, readTail } from './log-file.ts'

const folder = mkdtempSync(join(tmpdir(), 'kiban-log-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const mask = (bytes: Buffer) => bytes
const path = join(folder, 'log')
const read = (offset: number, ended = false, limit = 1000) => readLog(path, { offset, limit, ended, mask })

test('a log that is not there yet is empty', async () => {
  expect(await readLog(join(folder, 'none'), { offset: 5, limit: 1, ended: false, mask })).toEqual({
    offset: 0,
    nextOffset: 0,
    sizeBytes: 0,
    lines: [],
  })
})

test('lines are read on from the next offset; one without an end waits for it', async () => {
  writeFileSync(path, 'one\ntwo\nthr')
  expect(await read(0, false, 1)).toEqual({ offset: 0, nextOffset: 4, sizeBytes: 11, lines: ['one'] })
  expect(await read(4)).toMatchObject({ nextOffset: 8, lines: ['two'] })
  expect(await read(8)).toMatchObject({ nextOffset: 8, lines: [] })
  expect(await read(8, true)).toMatchObject({ nextOffset: 11, lines: ['thr'] })
})

test('a negative offset begins at a whole line', async () => {
  writeFileSync(path, 'first\nsecond\nthird\n')
  expect(await read(-8)).toMatchObject({ offset: 13, lines: ['third'] })
  expect(await readTail(path, 2, mask)).toEqual(['second', 'third'])
})

test('progress bars show their last state, binary bytes do no harm, a long line is cut and says so', async () => {
  writeFileSync(
    path,
    Buffer.concat([
      Buffer.from('10%\r50%\r100%\r\n'),
      Buffer.from([0xff, 0, 0x41, 10]),
      Buffer.from(`${'x'.repeat(20_000)}\n`),
    ]),
  )
  const { lines } = await read(0)
  expect(lines[0]).toBe('100%')
  expect(lines[1]).toBe('\uFFFD\uFFFDA')
  expect(lines[2]).toMatch(/^x{16384} \[3616 bytes more\]$/)
})

test('a line larger than a piece is passed, not waited for', async () => {
  writeFileSync(path, `${'y'.repeat(3 << 20)}\nend\n`)
  let offset = 0
  const ends: string[] = []
  for (let i = 0; i < 6; i++) {
    const piece = await read(offset)
    offset = piece.nextOffset
    ends.push(...piece.lines.map((line) => line.slice(-3)))
  }
  expect(ends.at(-1)).toBe('end')
  expect(offset).toBe((3 << 20) + 5)
})

test('a log over its limit loses its middle and says how much', async () => {
  writeFileSync(path, Buffer.alloc(MAX_LOG_BYTES + 10, 'a'))
  writeFileSync(path, 'the end\n', { flag: 'a' })
  const dropped = await boundLog(path)
  expect(dropped).toBeGreaterThan(2 ** 24)
  expect(statSync(path).size).toBeLessThan(MAX_LOG_BYTES)
  const text = readFileSync(path, 'latin1')
  expect(text).toContain(`[kiban] ${dropped} bytes of this log were dropped here`)
  expect(text.endsWith('the end\n')).toBe(true)
  expect(await boundLog(path)).toBe(0)
})

test('masking rewrites in place', async () => {
  writeFileSync(path, 'a secret b')
  await maskLog(path, (bytes) => Buffer.from(bytes.toString().replace('secret', '******')))
  expect(readFileSync(path, 'utf8')).toBe('a ****** b')
})
