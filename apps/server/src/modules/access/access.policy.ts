import { ACTIONS } from '@kiban/contract/actions'
import type { Action } from '@kiban/contract/actions'
import type { Actor } from '@kiban/kit/context'

export type Decision =
  | { readonly allow: true }
  | { readonly allow: false; readonly reason: 'hidden' | 'role_missing'; readonly needs: string }

const ALLOW: Decision = { allow: true }

/**
 * Whether `actor` may do `action` in `resource.project` (access.md §3): deny by default, one closed matrix. `hidden` means that the
 * actor may not even learn that the thing exists. Pure.
 */
export function authorize(actor: Actor, action: Action, resource: { readonly project?: string | undefined }): Decision {
  const roles: string = ACTIONS[action]
  if (actor.project !== undefined && resource.project !== undefined && actor.project !== resource.project)
    return { allow: false, reason: 'hidden', needs: roles }
  if (actor.project !== undefined && action === 'project.create')
    return { allow: false, reason: 'role_missing', needs: 'a token that is not confined to one project' }
  if (roles === '*') return ALLOW
  for (const role of actor.roles) if (roles.includes(role) || roles.includes(role.toLowerCase())) return ALLOW
  return { allow: false, reason: 'role_missing', needs: roles }
}
