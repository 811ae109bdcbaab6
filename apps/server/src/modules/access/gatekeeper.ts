import type { FastifyRequest } from 'fastify'
import type { Action } from '@kiban/contract/actions'
import { sha256 } from '@kiban/kit/canonical-json'
import type { Actor } from '@kiban/kit/context'
import { AppError } from '@kiban/kit/errors'
import type { Gatekeeper } from '@kiban/kit/http'
import { canTellPeer, peerOwner } from '@kiban/kit/peer-owner'
import { authorize } from './access.policy.ts'
import { findToken } from './access.store.ts'
import { isTokenShaped } from './token.ts'

/** With sign-in off, whoever reaches the loopback address is this person with every role of a person (access.md §2). */
const LOCAL: Actor = { id: 'usr_local', kind: 'person', name: 'You', roles: 'APTOSMDVRU' }

export const gatekeeper: Gatekeeper = {
  authenticate: async (ctx, request) => {
    const token = tokenOf(request)
    if (token === undefined) return local(request)
    const row = isTokenShaped(token) ? await findToken(ctx, sha256(token)) : undefined
    if (!row || row.revoked_at !== null || row.expires_at < ctx.clock.now())
      throw new AppError('signed_out', {
        message:
          'The token is not valid: it was revoked, has expired, or was never issued here. Get a new one, or send none.',
      })
    return actorOf(row)
  },
  require: (actor: Actor, action: Action, resource) => {
    const decision = authorize(actor, action, resource)
    if (decision.allow) return
    if (decision.reason === 'hidden')
      throw new AppError('not_found', { message: 'There is nothing here, or you may not see it.' })
    throw new AppError('forbidden', {
      message: `You may not do this (${action}). An owner of the project can grant it.`,
      details: { action, needs: decision.needs },
    })
  },
}

/** Other users of the machine reach the loopback address too: on Linux the kernel says who asks (access.md §2). */
async function local(request: FastifyRequest): Promise<Actor> {
  if (!canTellPeer) return LOCAL
  const uid = await peerOwner(request.raw.socket)
  if (uid === process.getuid?.() || uid === 0) return LOCAL
  throw new AppError('signed_out', {
    message:
      'This server runs for another user of the machine. Ask that user for a token, or start a server of your own.',
  })
}

/** The credential that was sent, if any: `Bearer <token>`, or Basic whose password is a token, as MLflow's clients can send both. */
function tokenOf(request: FastifyRequest): string | undefined {
  const header = request.headers.authorization
  if (header === undefined) return undefined
  const [scheme = '', value = ''] = header.split(' ', 2)
  if (scheme.toLowerCase() === 'bearer') return value
  if (scheme.toLowerCase() !== 'basic') return ''
  const text = Buffer.from(value, 'base64').toString('utf8')
  return text.slice(text.indexOf(':') + 1)
}

function actorOf(row: NonNullable<Awaited<ReturnType<typeof findToken>>>): Actor {
  return {
    id: row.kind === 'job' ? (row.job_id ?? row.id) : row.owner,
    kind: row.kind,
    name: row.kind === 'job' ? `job ${row.job_id}` : row.owner,
    roles: row.kind === 'job' ? 'J' : '',
    ...(row.project === null ? {} : { project: row.project }),
    ...(row.job_id === null ? {} : { jobId: row.job_id }),
    ...(row.run_id === null ? {} : { runId: row.run_id }),
    onBehalfOf: row.owner,
  }
}
