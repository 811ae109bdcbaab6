type Cell = string | number | boolean | null | undefined

/** Columns under their headings; numbers to the right. `(none)` when there are no rows. */
export function table(headings: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return '(none)'
  const texts = rows.map((row) => row.map(cellText))
  const widths = headings.map((heading, i) => Math.max(width(heading), ...texts.map((row) => width(row[i] ?? ''))))
  const numeric = headings.map((_, i) => rows.every((row) => typeof row[i] === 'number' || row[i] === null))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => pad(cell, widths[i] ?? 0, numeric[i] === true))
      .join('  ')
      .trimEnd()
  return [line(headings), ...texts.map(line)].join('\n')
}

/** Names and values, one a line. */
export function fields(entries: Readonly<Record<string, Cell>>): string {
  const longest = Math.max(...Object.keys(entries).map(width))
  return Object.entries(entries)
    .filter(([, value]) => value !== undefined && value !== null && value !== '')
    .map(([name, value]) => `${pad(name, longest, false)}  ${cellText(value)}`)
    .join('\n')
}

/** An instant as people read it, in UTC. */
export function instant(at: number | null): string {
  return at === null ? '' : `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')}Z`
}

/** Bytes with a unit. */
export function bytes(size: number): string {
  for (const [unit, base] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const)
    if (size >= base) return `${(size / base).toFixed(1)} ${unit}`
  return `${size} B`
}

function cellText(cell: Cell): string {
  if (cell === null || cell === undefined) return ''
  if (typeof cell !== 'number' || Number.isInteger(cell)) return String(cell)
  return Math.abs(cell) < 1e-3 ? cell.toExponential(1) : cell.toFixed(4)
}

// Japanese letters take two places.
function width(text: string): number {
  return [...text].reduce(
    (sum, letter) => sum + (/[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60]/.test(letter) ? 2 : 1),
    0,
  )
}

function pad(text: string, to: number, right: boolean): string {
  const spaces = ' '.repeat(Math.max(0, to - width(text)))
  return right ? spaces + text : text + spaces
}
