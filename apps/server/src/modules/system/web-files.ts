import { randomBytes } from 'node:crypto'
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs'
import { extname, join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { AppError } from '@kiban/kit/errors'
import { artifactPath } from '@kiban/kit/artifact-path'

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.ico': 'image/x-icon',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.webmanifest': 'application/manifest+json',
  '.woff2': 'font/woff2',
}

/** Where the built UI lies: apps/web/dist. */
export const WEB_FOLDER = join(import.meta.dirname, '..', '..', '..', '..', 'web', 'dist')

/** Sends the UI's page with a fresh nonce; its scripts come from here only. */
export function sendPage(reply: FastifyReply): FastifyReply {
  const file = join(WEB_FOLDER, 'index.html')
  if (!existsSync(file)) throw new AppError('not_found', { message: 'The web UI is not built. Run: npm run build' })
  const nonce = randomBytes(16).toString('base64')
  const page = readFileSync(file, 'utf8').replaceAll('__CSP_NONCE__', nonce)
  return reply
    .header(
      'content-security-policy',
      `default-src 'self'; script-src 'self' 'nonce-${nonce}'; style-src 'self' 'nonce-${nonce}'; style-src-attr 'unsafe-inline'; img-src 'self' data: blob:; connect-src 'self'; object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'`,
    )
    .header('cache-control', 'no-cache')
    .type(TYPES['.html'] ?? 'text/html')
    .send(page)
}

/** Sends an asset, as brotli or gzip when the build made one and the browser takes it. Names carry a hash, so they never change. */
export function sendAsset(request: FastifyRequest, reply: FastifyReply, path: string): FastifyReply {
  const file = join(WEB_FOLDER, 'assets', artifactPath(path))
  const accepted = String(request.headers['accept-encoding'] ?? '')
  const encoding = (['br', 'gzip'] as const).find(
    (name) => accepted.includes(name) && existsSync(file + (name === 'br' ? '.br' : '.gz')),
  )
  const chosen = encoding ? file + (encoding === 'br' ? '.br' : '.gz') : file
  if (!existsSync(chosen) || !statSync(chosen).isFile())
    throw new AppError('not_found', {
      message: 'There is no such asset. Reload the page: a newer version may have been installed.',
    })
  if (encoding) reply.header('content-encoding', encoding)
  return reply
    .header('vary', 'accept-encoding')
    .header('cache-control', 'public, max-age=31536000, immutable')
    .type(TYPES[extname(file)] ?? 'application/octet-stream')
    .send(createReadStream(chosen))
}
