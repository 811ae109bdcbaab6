import { describe, expect, test } from 'vitest'
import { ACTIONS } from '@kiban/contract/actions'
import type { Action } from '@kiban/contract/actions'
import type { Actor } from '@kiban/kit/context'
import { authorize } from './access.policy.ts'
import { isTokenShaped, newToken } from './token.ts'

const actor = (roles: string, project?: string): Actor => ({
  id: 'a',
  kind: 'person',
  name: 'a',
  roles,
  ...(project ? { project } : {}),
})
const actions = Object.keys(ACTIONS) as Action[]

describe('authorize', () => {
  test.each(actions)('%s is allowed to exactly the roles of the matrix', (action) => {
    const roles = ACTIONS[action]
    for (const role of 'APTOSMDVRUJ') {
      const expected = roles === '*' || roles.includes(role) || roles.includes(role.toLowerCase())
      expect(authorize(actor(role), action, { project: 'p' }).allow, `${role} ${action}`).toBe(expected)
    }
  })

  test.each(actions.filter((action) => ACTIONS[action] !== '*'))('%s is denied to somebody without roles', (action) => {
    expect(authorize(actor(''), action, { project: 'p' })).toMatchObject({ allow: false, reason: 'role_missing' })
  })

  test.each(actions)('%s in another project is hidden from who is confined to one', (action) => {
    expect(authorize(actor('J', 'mine'), action, { project: 'yours' })).toMatchObject({
      allow: false,
      reason: 'hidden',
    })
  })
})

test('a token has 190 random bits and a checksum that catches a typo', () => {
  const token = newToken('job')
  expect(token).toMatch(/^kbnj_[0-9A-Za-z]{38}$/)
  expect(isTokenShaped(token)).toBe(true)
  expect(isTokenShaped(token.slice(0, -1) + (token.endsWith('a') ? 'b' : 'a'))).toBe(false)
  expect(newToken('job')).not.toBe(token)
})
