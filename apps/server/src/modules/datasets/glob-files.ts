import type { ManifestFile } from '@kiban/contract/primitives'

/**
 * The files that a glob matches (`*` and `?` within a segment, `**` over segments, `[a-c]`, `{a,b}`), with their paths below the glob's
 * fixed folder: `data/x-*.parquet` gives `x-1.parquet`. A pattern that names a folder gives all below it.
 */
export function globFiles(pattern: string, files: readonly ManifestFile[]): ManifestFile[] {
  const normal = pattern.replace(/^\.\//, '').replace(/\/$/, '')
  const segments = normal.split('/')
  const magic = segments.findIndex((segment) => /[*?[{]/.test(segment))
  const isFolder = magic < 0 && files.some((file) => file.path.startsWith(`${normal}/`))
  const fixed = isFolder ? segments : segments.slice(0, magic < 0 ? segments.length - 1 : magic)
  const prefix = fixed.length > 0 ? `${fixed.join('/')}/` : ''
  const expression = isFolder
    ? undefined
    : new RegExp(`^${segments.map(segmentExpression).join('/').replaceAll('(?:.*)/', '(?:.*/)?')}$`, 'u')
  return files
    .filter((file) => (expression ? expression.test(file.path) : file.path.startsWith(prefix)))
    .map((file) => ({ ...file, path: file.path.slice(prefix.length) }))
}

function segmentExpression(segment: string): string {
  if (segment === '**') return '(?:.*)'
  return segment.replaceAll(/\*+|\?|\[[^\]]*\]|\{[^}]*\}|[.+^$()|\\[\]{}]/g, (token) => {
    if (token.startsWith('*')) return '[^/]*'
    if (token === '?') return '[^/]'
    if (token.startsWith('[') && token.length > 2)
      return `[${token.slice(1, -1).replace(/^!/, '^').replaceAll('\\', '\\\\')}]`
    if (token.startsWith('{') && token.length > 2) return `(?:${token.slice(1, -1).split(',').map(escape).join('|')})`
    return escape(token)
  })
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`)
}
